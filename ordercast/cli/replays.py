"""`ordercast pushes replay` and its kin: pushes go out once more, slowly, beside the live ones."""

import getpass
from collections.abc import Callable
from typing import Annotated, Any

import typer
from sqlmodel import Session

from ordercast.cli.showing import show_json, show_table
from ordercast.contracts.replay import NewReplay, Replayable, ReplayVerdict
from ordercast.delivery.explaining_replays import explain_estimate, explain_replay
from ordercast.intake.problems import validate
from ordercast.store import replays
from ordercast.store.engine import database
from ordercast.store.push_tables import PushReplay

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReplayId = Annotated[str, typer.Argument(help="the replay's id")]
When = typer.Option(metavar="WHEN", help="2026-11-22, 2026-11-22T08:00, or how long ago: 24h")


def replay(
    event: Annotated[str | None, typer.Option(help="This event's id.")] = None,
    order_no: Annotated[str | None, typer.Option("--order", help="Events of this order.")] = None,
    subscriber: Annotated[str | None, typer.Option(help="To this subscriber's id.")] = None,
    since: Annotated[str | None, When] = None,
    until: Annotated[str | None, When] = None,
    ended_since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="When the push ended, told as --since.")
    ] = None,
    state: Annotated[
        list[Replayable] | None, typer.Option(help="In this state; may be repeated.")
    ] = None,
    verdict: Annotated[
        ReplayVerdict | None, typer.Option(help="Whose last attempt had this verdict.")
    ] = None,
    per_second: Annotated[float | None, typer.Option(help="The most pushes a second.")] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "asked for by hand",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it begins.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have pushes go out once more: the same event ids and bodies, a new attempt each."""
    said = {
        "event_id": event,
        "order_no": order_no,
        "subscriber_id": subscriber,
        "since": since,
        "until": until,
        "ended_since": ended_since,
        "states": state or [],
        "verdict": verdict,
        "per_second": per_second,
        "reason": reason,
    }
    wanted = validate(NewReplay, said)
    with database().read() as session:
        found = replays.estimate(session, wanted)
    if dry_run:
        return show_json(explain_estimate(found)) if as_json else _print_estimate(found)
    if not yes:
        _print_estimate(found, err=as_json)
        typer.confirm("Begin?", abort=True, err=as_json)
    with database().write() as session:
        asked = replays.ask(session, wanted, expected=found.pushes, asked_by=getpass.getuser())
        session.flush()
        shown = explain_replay(session, asked)
    if as_json:
        return show_json(shown)
    return typer.echo(f"{asked.id} has begun; `ordercast pushes replays` shows how far it is")


def _print_estimate(found: replays.Estimate, *, err: bool = False) -> None:
    rate = f"{found.per_second:g} a second"
    typer.echo(f"{found.pushes} pushes, {rate}: about {found.seconds} s", err=err)


def list_replays(
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List replays with their progress, the newest first."""
    with database().read() as session:
        total, page = replays.listing(session, limit=limit)
        shown = [explain_replay(session, each) for each in page]
    if as_json:
        return show_json(shown)
    return print_replays(f"{len(page)} of {total} replays", shown)


def print_replays(title: str, shown: list[dict[str, Any]]) -> None:
    """Print replays as a table."""
    columns = ["replay", "what", "state", "out", "of", "now", "left", "by", "why"]
    show_table(title, columns, (_row(each) for each in shown))


def _row(shown: dict[str, Any]) -> list[Any]:
    left = shown["seconds_left"]
    return [
        shown["id"],
        _in_words(shown["filter"]),
        shown["state"],
        shown["put_back"] + shown["made"],
        shown["expected"],
        ", ".join(f"{count} {state}" for state, count in shown["pushes"].items()),
        None if left is None else f"{left} s",
        shown["asked_by"],
        shown["reason"],
    ]


def _in_words(wanted: dict[str, Any]) -> str:
    parts = {**wanted, "states": ",".join(wanted["states"])}
    return " ".join(f"{name.removesuffix('_id')}={value}" for name, value in parts.items())


def pause(replay_id: ReplayId) -> None:
    """Put nothing more back for now."""
    _turn(replay_id, replays.pause)


def resume(replay_id: ReplayId) -> None:
    """Let a paused replay go on where it was."""
    _turn(replay_id, replays.resume)


def cancel(replay_id: ReplayId) -> None:
    """End a replay; what is on its way goes out."""
    _turn(replay_id, replays.cancel)


def _turn(replay_id: str, turn: Callable[[Session, str], PushReplay]) -> None:
    with database().write() as session:
        state = turn(session, replay_id).state
    typer.echo(f"{replay_id} is {state}")
