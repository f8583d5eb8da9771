"""Subscribers as the terminal shows them."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ordercast.contracts.subscriber import Health, Policy, SubscriberView

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def table(views: Sequence[SubscriberView]) -> Table:
    """Subscribers, each with how it is doing, and why if it is not well."""
    shown = Table("id", "name", "kind", "url", "told of", "health")
    for view in views:
        row = (view.id, view.name, view.kind, view.url, _told_of(view), _health(view))
        shown.add_row(*(escape(each) for each in row))
    return shown


def _health(view: SubscriberView) -> str:
    parts: list[str] = [view.health]
    if view.disabled_because:
        parts.append(f"because {view.disabled_because}")
    if view.failing_since and view.health is not Health.DISABLED:
        parts.append(f"{'' if view.health is Health.FAILING else 'failing '}since")
        parts.append(f"{view.failing_since:%Y-%m-%d %H:%M} UTC")
    return " ".join(parts)


def _told_of(view: SubscriberView) -> str:
    parts = [", ".join(view.event_types) or "final outcomes"]
    if view.policy is Policy.LINES:
        parts.append(f"lines every {view.lines_every_seconds} s")
    if view.agent or view.agents:
        parts.append(f"agents {', '.join(view.agents or [str(view.agent)])}")
    if view.tags:
        parts.append(f"tags {', '.join(view.tags)}")
    return "; ".join(parts)


def print_one(view: SubscriberView) -> None:
    """One subscriber, without its secret."""
    table = Table(show_header=False)
    for name, value in view.model_dump(mode="json", exclude={"secret"}).items():
        shown = ", ".join(value) if isinstance(value, list) else str(value or "")
        table.add_row(name, escape(shown))
    Console().print(table)
