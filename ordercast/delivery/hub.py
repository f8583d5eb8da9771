"""The hub: a TMF641 callback becomes a subscriber like any other."""

import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qsl

from ordercast.contracts.hub import EventSubscriptionInput
from ordercast.contracts.subscriber import (
    LONGEST_AGENT,
    LONGEST_NAME,
    MOST_NAMES,
    TMF641,
    NewSubscriber,
    SubscriberKind,
)
from ordercast.delivery.tmf_events import JEOPARDY, MILESTONE, NAMES, STATE_CHANGE, STATES
from ordercast.domain.errors import Forbidden, InvalidMessage, Problem

STATE_NAMES = ("state", "serviceOrder.state", "event.serviceOrder.state")
KEYS = ("eventType", *STATE_NAMES, "agent", "tag")
EVENT_NAMES = (STATE_CHANGE, MILESTONE, JEOPARDY)
LONGEST = {"agent": LONGEST_AGENT, "tag": LONGEST_NAME}


def subscriber_of(wanted: EventSubscriptionInput, *, agent: str | None = None) -> NewSubscriber:
    """The subscriber that a callback with its query is; InvalidMessage for what is not understood.

    That of an agent is told of its orders alone; Forbidden if the query names another one.

    Values of a name, by comma or repeated, are alternatives; different names must all hold.
    Who names no `eventType` is told of new states: work orders may be many.
    """
    given = _pairs(wanted.query or "")
    problems = list(_problems(given))
    if problems:
        raise InvalidMessage(problems)
    agents = given.get("agent", [])
    if agent is not None and set(agents) - {agent}:
        raise Forbidden("query: names an agent that the key is not for; leave it out")
    key = hashlib.sha256(f"{wanted.callback}\n{wanted.query or ''}".encode()).hexdigest()
    return NewSubscriber(
        kind=SubscriberKind.PUBLIC if agent is None else SubscriberKind.AGENT,
        agent=agent,
        name=f"hub-{key[:16]}",
        url=wanted.callback,
        event_types=_event_types(given),
        agents=agents if agent is None else [],
        tags=given.get("tag", []),
        body=TMF641,
    )


def _event_types(given: dict[str, list[str]]) -> list[str]:
    """The events that are asked for; none if it is all new states."""
    names = set(given.get("eventType", ()))
    states = _states(given)
    if not states and names <= {STATE_CHANGE}:
        return []
    wanted = states or set(STATES.values())
    return [
        each
        for each, name in NAMES.items()
        if name in (names or {STATE_CHANGE}) and (each not in STATES or STATES[each] in wanted)
    ]


def _states(given: dict[str, list[str]]) -> set[str]:
    return {value for name in STATE_NAMES for value in given.get(name, ())}


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
        elif len(values) > MOST_NAMES:
            cure = "register the callback once for each part of them"
            yield Problem("query", f"{name} has more than {MOST_NAMES} values", cure)
        else:
            yield from _problems_with_values(name, values)
    if _states(given) and STATE_CHANGE not in given.get("eventType", [STATE_CHANGE]):
        cure = f"leave the state out, or ask for {STATE_CHANGE} too"
        yield Problem("query", "asks for a state, and for no event that tells of one", cure)


def _problems_with_values(name: str, values: list[str]) -> Iterator[Problem]:
    known = {"eventType": EVENT_NAMES} | dict.fromkeys(STATE_NAMES, tuple(STATES.values()))
    for value in values:
        if name in known and value not in known[name]:
            cure = f"use {', '.join(known[name])}"
            yield Problem("query", f"no event is told of {name}={value}", cure)
        if len(value) > LONGEST.get(name, len(value)):
            problem = f"{name} has a value of more than {LONGEST[name]} characters"
            yield Problem("query", problem, "shorten it")
