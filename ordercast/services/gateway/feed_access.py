"""Who may read what of the feed: a subscriber what it is told of, an agent its own, others all."""

from fnmatch import fnmatchcase
from hmac import compare_digest
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Query
from sqlmodel import Session

from ordercast.contracts.api_key import Scope
from ordercast.delivery.cloud_events import cloud_event_type
from ordercast.domain.errors import InvalidMessage, NotFound, Problem
from ordercast.services.gateway.access import KnownCaller, admit
from ordercast.services.gateway.callers import turned_away
from ordercast.store import subscribers
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.feed_reading import FeedFilter
from ordercast.store.push_tables import Subscriber
from ordercast.store.pushes import ALL_EVENT_TYPES

LONGEST_CURSOR = 18
"""Digits; a longer one is beyond what a database counts to."""


def wanted_events(
    types: Annotated[
        list[str] | None, Query(alias="type", description="a type or pattern, such as `order.*`")
    ] = None,
    *,
    caller: KnownCaller,
    order_no: str | None = None,
    subscriber: Annotated[
        str | None, Query(description="only what this subscriber is told of; with its secret")
    ] = None,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> FeedFilter:
    """What is asked for; 401 without a key or the subscriber's secret.

    Whoever has a key reads as one of the subscribers that it may see, or as none.
    """
    known = _types(types) if types else None
    only_of = admit(caller, Scope.READ).agent if caller else None
    if subscriber is None:
        return FeedFilter(known, order_no, only_of=only_of)
    with database().read() as session:
        if caller:
            told, by = subscribers.get(session, subscriber, agent=only_of), None
        else:
            told, by = _admitted(session, subscriber, authorization)
    return FeedFilter(known, order_no, told, only_of=only_of, admitted_by=by)


Wanted = Annotated[FeedFilter, Depends(wanted_events)]


def cursor(text: str | None, *, name: str = "after") -> int | None:
    """The position that a reader names; InvalidMessage if it is none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_CURSOR):
        cure = "give the `next` of the last answer, or 0 for the beginning"
        raise InvalidMessage([Problem(name, "is not a cursor of this feed", cure)])
    return int(text)


def _admitted(
    session: Session, subscriber_id: str, authorization: str | None
) -> tuple[Subscriber, bytes]:
    """The subscriber and its secret, sealed, that the caller knows.

    Nobody learns which subscribers there are.
    """
    scheme, _, token = (authorization or "").partition(" ")
    try:
        found = subscribers.get(session, subscriber_id)
    except NotFound:
        found = None
    sealed = subscribers.sealed_secrets(found, at=now()) if found else []
    given = token.strip().encode()
    known = [each for each in sealed if compare_digest(given, subscribers.opened(each).encode())]
    if found is None or not known or scheme.casefold() != "bearer":
        turned_away.labels("unknown" if given else "missing").inc()
        text = "give the subscriber's signing secret: Authorization: Bearer whsec_…"
        raise HTTPException(401, text, headers={"WWW-Authenticate": "Bearer"})
    return found, known[0]


def _types(patterns: list[str]) -> frozenset[str]:
    named = {pattern: _matching(pattern) for pattern in patterns}
    cure = f"use some of: {', '.join(ALL_EVENT_TYPES)}"
    problems = [
        Problem("type", f"{pattern!r} matches no event", cure)
        for pattern, found in named.items()
        if not found
    ]
    if problems:
        raise InvalidMessage(problems)
    return frozenset().union(*named.values())


def _matching(pattern: str) -> set[str]:
    """Types as subscribers name them, or as they are in a CloudEvent."""
    return {
        each
        for each in ALL_EVENT_TYPES
        if fnmatchcase(each, pattern) or cloud_event_type(each) == pattern
    }
