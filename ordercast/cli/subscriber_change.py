"""`ordercast subscribers change`: other budgets, another URL, a pause."""

from typing import Annotated, Any

import typer

from ordercast.cli.subscriber_views import AsJson, print_one
from ordercast.contracts.subscriber import Acknowledgement, Policy, ScheduleName, SubscriberChange
from ordercast.delivery import subscribing
from ordercast.delivery.guard import guard
from ordercast.intake.problems import validate
from ordercast.store.engine import database

Texts = Annotated[list[str] | None, typer.Option(help="As with `add`; '' alone: none.")]


def change(
    subscriber_id: str,
    url: Annotated[str | None, typer.Option(help="Where pushes go.")] = None,
    event_type: Texts = None,
    tag: Texts = None,
    of_agent: Texts = None,
    schedule: Annotated[ScheduleName | None, typer.Option(help="As with `add`.")] = None,
    acknowledgement: Annotated[Acknowledgement | None, typer.Option(help="As with `add`.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=0, help="Pushes at once; 0: a quarter of a relay's.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Pushes a second; 0: any.")] = None,
    latest_only: Annotated[
        bool | None, typer.Option("--latest-only/--all-versions", help="Of each order.")
    ] = None,
    body: Annotated[str | None, typer.Option(help="As with `add`.")] = None,
    masking: Texts = None,
    policy: Annotated[Policy | None, typer.Option(help="As with `add`.")] = None,
    lines_every_seconds: Annotated[int | None, typer.Option(help="As with `add`.")] = None,
    resume: Annotated[
        bool | None, typer.Option("--resume/--pause", help="Send again, or keep for later.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a subscriber; what is not named stays."""
    state = {True: "active", False: "disabled", None: None}[resume]
    named = {
        "url": url,
        "event_types": _listed(event_type),
        "tags": _listed(tag),
        "agents": _listed(of_agent),
        "schedule": schedule,
        "acknowledgement": acknowledgement,
        "latest_only": latest_only,
        "body": body,
        "masking": _listed(masking),
        "policy": policy,
        "lines_every_seconds": lines_every_seconds,
        "state": state,
    }
    document: dict[str, Any] = {key: each for key, each in named.items() if each is not None}
    budgets = {"concurrency": concurrency, "rate_per_second": rate}
    document |= {key: each or None for key, each in budgets.items() if each is not None}
    wanted = validate(SubscriberChange, document)
    view = subscribing.change(database(), subscriber_id, wanted, guard())
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
    else:
        print_one(view)


def _listed(texts: list[str] | None) -> list[str] | None:
    """Nothing was given; or one empty text, which stands for none; or the texts."""
    return [text for text in texts if text] if texts else None
