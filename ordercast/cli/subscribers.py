"""`ordercast subscribers`: who is told, where, and of what."""

from typing import Annotated, Any

import typer
from rich.console import Console

from ordercast.cli.showing import show_json, show_table
from ordercast.cli.subscriber_bodies import bodies, preview, rotate
from ordercast.cli.subscriber_change import change
from ordercast.cli.subscriber_views import AsJson, print_one, table
from ordercast.contracts.subscriber import (
    CLOUD_EVENTS,
    LINES_EVERY_SECONDS,
    Acknowledgement,
    NewSubscriber,
    Policy,
    ScheduleName,
    SubscriberKind,
    SubscriberView,
)
from ordercast.delivery.guard import guard
from ordercast.delivery.subscribing import check, subscribe
from ordercast.delivery.testing import push_test_event
from ordercast.intake.problems import validate
from ordercast.store import subscribers
from ordercast.store.engine import database

app = typer.Typer(help="Subscribers: who is told.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    url: Annotated[str, typer.Argument(help="Where pushes go: https://host/path.")],
    kind: Annotated[SubscriberKind, typer.Option(help="Who it is.")] = SubscriberKind.PUBLIC,
    agent: Annotated[str | None, typer.Option(help="The agent, for kind agent.")] = None,
    event_type: Annotated[
        list[str] | None, typer.Option(help="A pattern such as order.*; may be repeated.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only orders with such a tag.")] = None,
    of_agent: Annotated[
        list[str] | None, typer.Option(help="Only orders of such an agent.")
    ] = None,
    schedule: Annotated[
        ScheduleName, typer.Option(help="How pushes are tried again.")
    ] = ScheduleName.STANDARD,
    acknowledgement: Annotated[
        Acknowledgement, typer.Option(help="What a receiver answers that took a push.")
    ] = Acknowledgement.STATUS,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Pushes at once; else a quarter of a relay's.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Pushes a second; else any.")] = None,
    latest_only: Annotated[
        bool, typer.Option("--latest-only", help="Of each order the latest version alone.")
    ] = False,
    body: Annotated[
        str, typer.Option(help="What is sent: cloudevents, or a push dialect.")
    ] = CLOUD_EVENTS,
    masking: Annotated[
        list[str] | None, typer.Option(help="Shown in part: msisdn, iccid, name; may be repeated.")
    ] = None,
    policy: Annotated[
        Policy, typer.Option(help="Told of final outcomes, or also of lines as they end.")
    ] = Policy.FINAL,
    lines_every_seconds: Annotated[
        int, typer.Option(min=1, max=3600, help="With lines: those of so long are told together.")
    ] = LINES_EVERY_SECONDS,
    secret: Annotated[
        str | None, typer.Option(help="Its own signing secret; else one is made.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a subscriber, and show its signing secret this once."""
    document = {
        "name": name,
        "url": url,
        "kind": kind,
        "agent": agent,
        "event_types": event_type or [],
        "tags": tag or [],
        "agents": of_agent or [],
        "schedule": schedule,
        "acknowledgement": acknowledgement,
        "concurrency": concurrency,
        "rate_per_second": rate,
        "latest_only": latest_only,
        "body": body,
        "masking": masking or [],
        "policy": policy,
        "lines_every_seconds": lines_every_seconds,
        "secret": secret,
    }
    wanted = validate(NewSubscriber, document)
    check(wanted, guard())
    with database().write() as session:
        created = subscribe(session, wanted)
    if as_json:
        typer.echo(created.model_dump_json(indent=2))
        return
    print_one(created)
    typer.echo(f"Signing secret, shown this once: {created.secret}")


@app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the subscribers that are not removed."""
    with database().read() as session:
        total, page = subscribers.listing(session, limit=limit)
        views = [SubscriberView.model_validate(each) for each in page]
    if as_json:
        typer.echo(f"[{','.join(view.model_dump_json() for view in views)}]")
        return
    Console().print(table(views))
    if total > len(views):
        typer.echo(f"{len(views)} of {total} shown")


@app.command("show")
def show(subscriber_id: str, as_json: AsJson = False) -> None:
    """Show one subscriber."""
    with database().read() as session:
        view = SubscriberView.model_validate(subscribers.get(session, subscriber_id))
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
    else:
        print_one(view)


@app.command("test")
def test(subscriber_id: str, as_json: AsJson = False) -> None:
    """Push a test event through the whole path, and show what was answered and why."""
    found = push_test_event(database(), subscriber_id)
    if as_json:
        show_json(found)
    else:
        _print_test(found)
    raise typer.Exit(not found["is_delivered"])


def _print_test(found: dict[str, Any]) -> None:
    attempt = found["attempt"] or {}
    rows = [
        ("verdict", f"{found['verdict']}: {attempt['reason']}" if attempt else "not sent"),
        ("meaning", found["meaning"]["en"]),
        ("", found["meaning"]["zh"]),
        ("what to do", found["remedy"]["en"]),
        ("", found["remedy"]["zh"]),
        ("status", attempt.get("status")),
        ("took", f"{attempt['duration_ms']} ms" if attempt else None),
        ("answer", attempt.get("answer")),
        ("push", found["push"]),
    ]
    show_table("Test push", ["", ""], rows)


@app.command("remove")
def remove(subscriber_id: str) -> None:
    """Tell a subscriber nothing more; what it was told stays in the ledger."""
    with database().write() as session:
        subscribers.delete(session, subscriber_id)
    typer.echo(f"removed {subscriber_id}")


app.command("change")(change)
app.command("preview")(preview)
app.command("bodies")(bodies)
app.command("rotate")(rotate)
