"""The hub: a TMF641 callback becomes a subscriber like any other."""

import hashlib
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

from ordercast.contracts.hub import EventSubscriptionInput
from ordercast.contracts.subscriber import TMF641, NewSubscriber, SubscriberKind
from ordercast.delivery.tmf_events import STATE_CHANGE, STATES
from ordercast.domain.errors import InvalidMessage, Problem

STATE_NAMES = ("state", "serviceOrder.state", "event.serviceOrder.state")
KEYS = ("eventType", *STATE_NAMES, "agent", "tag")


def subscriber_of(wanted: EventSubscriptionInput) -> NewSubscriber:
    """The subscriber that a callback with its query is; InvalidMessage for what is not understood.

    Values of a name, by comma or repeated, are alternatives; different names must all hold.
    """
    given = _pairs(wanted.query or "")
    problems = list(_problems(given))
    if problems:
        raise InvalidMessage(problems)
    states = {value for name in STATE_NAMES for value in given.get(name, ())}
    key = hashlib.sha256(f"{wanted.callback}\n{wanted.query or ''}".encode()).hexdigest()
    return NewSubscriber(
        kind=SubscriberKind.PUBLIC,
        name=f"hub-{key[:16]}",
        url=wanted.callback,
        event_types=[each for each, state in STATES.items() if state in states],
        agents=given.get("agent", []),
        tags=given.get("tag", []),
        body=TMF641,
    )


def _pairs(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
        found.setdefault(name, []).extend(part.strip() for part in text.split(","))
    return found


def _problems(given: dict[str, list[str]]) -> Iterator[Problem]:
    for name, values in given.items():
        if name not in KEYS:
            cure = f"use {', '.join(KEYS)}"
            yield Problem("query", f"{name!r} is not understood", cure)
        elif not all(values):
            yield Problem("query", f"{name} has no value", "give one, or leave it out")
        else:
            yield from _problems_with_values(name, values)


def _problems_with_values(name: str, values: list[str]) -> Iterator[Problem]:
    known: dict[str, Callable[[str], bool]] = {"eventType": STATE_CHANGE.__eq__}
    known |= dict.fromkeys(STATE_NAMES, lambda value: value in STATES.values())
    said = {"eventType": STATE_CHANGE} | dict.fromkeys(STATE_NAMES, ", ".join(STATES.values()))
    for value in values:
        if name in known and not known[name](value):
            yield Problem("query", f"no event is told of {name}={value}", f"use {said[name]}")
