"""`ordercast pushes`: what each subscriber was told, and what came of it."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ordercast.cli import replays as replay_commands
from ordercast.cli.answers import print_matrix, untold
from ordercast.cli.replays import print_replays
from ordercast.cli.subscribers import AsJson
from ordercast.delivery.explaining import explain_attempt, explain_push
from ordercast.delivery.explaining_answers import explain_matrix
from ordercast.delivery.explaining_replays import explain_replay
from ordercast.store import push_ledger, replays
from ordercast.store.engine import database
from ordercast.store.push_ledger import PushFilter, parse_state
from ordercast.store.push_matrix import matrix
from ordercast.store.pushes import DeliveryState

app = typer.Typer(help="Pushes: who was told what, and what they said.", no_args_is_help=True)
app.command("untold")(untold)
app.command("replay")(replay_commands.replay)
app.command("replays")(replay_commands.list_replays)
app.command("pause")(replay_commands.pause)
app.command("resume")(replay_commands.resume)
app.command("cancel")(replay_commands.cancel)

MOST_OF_AN_ORDER = 1000


@app.command("show")
def show(order_no: str, as_json: AsJson = False) -> None:
    """Show all pushes of an order with every attempt."""
    with database().read() as session:
        told = explain_matrix(matrix(session, order_no))
        wanted = PushFilter(order_no=order_no)
        _, entries = push_ledger.deliveries(session, wanted, limit=MOST_OF_AN_ORDER)
        pushes = []
        for entry in entries:
            attempts = push_ledger.attempts(session, entry.delivery.id)
            log = [explain_attempt(each) for each in attempts]
            pushes.append({**explain_push(entry), "attempt_log": log})
        again = [explain_replay(session, each) for each in replays.of_order(session, order_no)]
    if as_json:
        typer.echo(json.dumps(pushes, ensure_ascii=False, indent=2))
        return
    print_matrix(told)
    _print(pushes)
    for push in pushes:
        _print_attempts(push)
    if again:
        print_replays("Replays", again)


@app.command("list")
def list_all(
    state: Annotated[str | None, typer.Option(help=f"One of: {', '.join(DeliveryState)}.")] = None,
    order_no: Annotated[str | None, typer.Option("--order", help="Of this order.")] = None,
    subscriber: Annotated[str | None, typer.Option(help="To this subscriber's id.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List pushes, the newest first."""
    wanted = PushFilter(order_no, subscriber, parse_state(state))
    with database().read() as session:
        total, entries = push_ledger.deliveries(session, wanted, limit=limit)
    pushes = [explain_push(entry) for entry in entries]
    if as_json:
        typer.echo(json.dumps(pushes, ensure_ascii=False, indent=2))
        return
    _print(pushes)
    if total > len(pushes):
        typer.echo(f"{len(pushes)} of {total} shown")


def _print(pushes: list[dict[str, Any]]) -> None:
    table = Table("order", "event", "subscriber", "state", "attempts", "last", "next")
    for push in pushes:
        event, last = push["event"], push["last_attempt"]
        row = (
            push["order_no"],
            f"{event['sequence']}. {event['type']} v{event['version']}",
            push["subscriber"]["name"],
            push["state"],
            str(push["attempts"]),
            last["meaning"]["en"] if last else "",
            push["waits_for"] or push["next_attempt_at"] or "",
        )
        table.add_row(*(escape(each) for each in row))
    Console().print(table)


def _print_attempts(push: dict[str, Any]) -> None:
    if not push["attempt_log"]:
        return
    title = f"{push['event']['type']} to {push['subscriber']['name']}"
    table = Table(
        "no.", "when", "ms", "status", "verdict", "what to do", "answer", title=escape(title)
    )
    for attempt in push["attempt_log"]:
        row = (
            str(attempt["number"]),
            attempt["started_at"],
            str(attempt["duration_ms"]),
            str(attempt["status"] or ""),
            f"{attempt['verdict']}: {attempt['meaning']['en']}",
            attempt["remedy"]["en"],
            attempt["answer"][:200],
        )
        table.add_row(*(escape(each) for each in row))
    Console().print(table)
