"""The form of a subscriber: its fields with help, and what was typed as the API would have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.push_dialects import push_dialects
from ordercast.contracts.subscriber import (
    CLOUD_EVENTS,
    TMF641,
    Acknowledgement,
    Policy,
    ScheduleName,
    SubscriberKind,
)
from ordercast.domain.errors import Problem
from ordercast.domain.partial_masks import Masking
from ordercast.services.gateway.desk.language import english


@dataclass(frozen=True)
class Field:
    """A field of the form: what it is called, what helps to fill it in, and how it is typed."""

    name: str
    title: str
    help: str
    kind: str = "text"
    choices: Sequence[str] = ()
    is_fixed: bool = False


def fields() -> list[Field]:
    """All fields of a subscriber, as the API has them."""
    bodies = (CLOUD_EVENTS, TMF641, *push_dialects())
    return [
        Field(
            "name",
            english("Its name"),
            english("What it is called; no two are called alike."),
            is_fixed=True,
        ),
        Field(
            "url",
            english("URL"),
            english("Where pushes go: https://host/path, amqp or mqtt."),
            "url",
        ),
        Field(
            "kind",
            english("Kind"),
            english("Who it is; one of kind agent sees its own orders alone."),
            "choice",
            tuple(SubscriberKind),
            is_fixed=True,
        ),
        Field(
            "agent",
            english("Agent"),
            english("For kind agent: whose orders it is told of."),
            is_fixed=True,
        ),
        Field(
            "event_types",
            english("Event types"),
            english("Patterns such as order.*, one a line; none: final outcomes and reopening."),
            "lines",
        ),
        Field(
            "tags",
            english("Tags"),
            english("Only orders with one of these, one a line; none: all."),
            "lines",
        ),
        Field(
            "agents",
            english("Agents"),
            english("Only orders of one of these, one a line; none: all."),
            "lines",
        ),
        Field(
            "schedule",
            english("Schedule"),
            english("How often an unanswered push is tried again."),
            "choice",
            tuple(ScheduleName),
        ),
        Field(
            "acknowledgement",
            english("Acknowledgement"),
            english("What the receiver answers that has taken a push."),
            "choice",
            tuple(Acknowledgement),
        ),
        Field(
            "concurrency",
            english("Pushes at once"),
            english("On their way to it at the same time; empty: a quarter of a relay's."),
            "number",
        ),
        Field(
            "rate_per_second",
            english("Pushes a second"),
            english("At most so many; empty: any."),
            "number",
        ),
        Field(
            "latest_only",
            english("Latest version only"),
            english("Of each order the latest version alone is told."),
            "check",
        ),
        Field(
            "body",
            english("Body"),
            english("What is sent: cloudevents, tmf641 or a push dialect."),
            "choice",
            bodies,
        ),
        Field(
            "masking",
            english("Masking"),
            english("What is shown in part."),
            "checks",
            tuple(Masking),
        ),
        Field(
            "policy",
            english("Policy"),
            english("Told of final outcomes, or also of lines as they end."),
            "choice",
            tuple(Policy),
        ),
        Field(
            "lines_every_seconds",
            english("Lines every so many seconds"),
            english("With the policy lines: those of so long are told together."),
            "number",
        ),
    ]


def document_of(typed: Mapping[str, Sequence[str]], *, is_new: bool) -> dict[str, Any]:
    """What was typed, as the API takes it; what cannot be changed is left out of a change."""
    shown = [each for each in fields() if is_new or not each.is_fixed]
    document = {each.name: _value(each, typed.get(each.name, ())) for each in shown}
    if is_new:
        document["secret"] = _text(typed.get("secret", ())) or None
    if document.get("lines_every_seconds") is None:
        document.pop("lines_every_seconds", None)
    return document


def _value(field: Field, typed: Sequence[str]) -> Any:
    match field.kind:
        case "lines":
            return [line.strip() for each in typed for line in each.splitlines() if line.strip()]
        case "checks":
            return list(typed)
        case "check":
            return bool(typed)
        case "number":
            return _text(typed) or None
        case _:
            return _text(typed) or (None if field.name == "agent" else "")


def _text(typed: Sequence[str]) -> str:
    return typed[0].strip() if typed else ""


def by_field(problems: Sequence[Problem]) -> dict[str, list[Problem]]:
    """Problems by the field at which they are told; those of no field under the empty name."""
    known = {each.name for each in fields()} | {"secret"}
    told: dict[str, list[Problem]] = {}
    for each in problems:
        name = each.field.partition("[")[0].partition(".")[0]
        told.setdefault(name if name in known else "", []).append(each)
    return told
