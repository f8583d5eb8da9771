"""Subscribers over HTTP: who is told, where, and of what."""

from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from config.settings import settings
from ordercast.contracts.subscriber import (
    CreatedSubscriber,
    NewSecret,
    NewSubscriber,
    SubscriberChange,
    SubscriberKind,
    SubscriberView,
)
from ordercast.delivery.guard import guard
from ordercast.delivery.subscribing import change, check, rotate_secret, subscribe
from ordercast.delivery.testing import push_test_event
from ordercast.domain.errors import Forbidden, TooSoon
from ordercast.intake.problems import validate
from ordercast.services.gateway.access import Administering, Reading
from ordercast.services.gateway.callers import Caller
from ordercast.services.gateway.paging import Limit, Offset, count_headers, page_size
from ordercast.store import subscribers
from ordercast.store.engine import database
from ordercast.store.push_tables import Subscriber

router = APIRouter(prefix="/subscribers", tags=["subscribers"])

TESTS_AT_ONCE = 4
_tests = BoundedSemaphore(TESTS_AT_ONCE)
"""Each waits for a receiver, in a thread that orders may need."""

_BODY = {"content": {"application/json": {"schema": NewSubscriber.model_json_schema()}}}
_CHANGE = {"content": {"application/json": {"schema": SubscriberChange.model_json_schema()}}}


@router.post("", status_code=201, openapi_extra={"requestBody": {**_BODY, "required": True}})
def add_subscriber(
    caller: Administering, document: Annotated[Any, Body()], response: Response
) -> CreatedSubscriber:
    """Add a subscriber. The answer is the only one that shows its signing secret."""
    wanted = _for(caller, validate(NewSubscriber, document))
    check(wanted, guard())
    with database().write() as session:
        created = subscribe(session, wanted)
    response.headers["Location"] = f"{settings().gateway_url}/subscribers/{created.id}"
    return created


@router.post(
    "/{subscriber_id}/rotate-secret",
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": NewSecret.model_json_schema()}}}
    },
)
def rotate(
    caller: Administering, subscriber_id: str, document: Annotated[Any, Body()] = None
) -> CreatedSubscriber:
    """Have pushes signed with a new secret, which only this answer shows, and for a while both."""
    _find(caller, subscriber_id)
    wanted = validate(NewSecret, document or {})
    with database().write() as session:
        return rotate_secret(session, subscriber_id, wanted)


@router.get("")
def list_subscribers(
    caller: Reading,
    response: Response,
    limit: Limit = None,
    offset: Offset = 0,
) -> list[SubscriberView]:
    """All subscribers that are not deleted, the oldest first."""
    rows = page_size(limit)
    with database().read() as session:
        total, page = subscribers.listing(session, limit=rows, offset=offset, agent=caller.agent)
    count_headers(response, total=total, shown=len(page))
    return [SubscriberView.model_validate(each) for each in page]


@router.get("/{subscriber_id}")
def show_subscriber(caller: Reading, subscriber_id: str) -> SubscriberView:
    """One subscriber, without its secret."""
    return SubscriberView.model_validate(_find(caller, subscriber_id))


@router.patch("/{subscriber_id}", openapi_extra={"requestBody": {**_CHANGE, "required": True}})
def change_subscriber(
    caller: Administering, subscriber_id: str, document: Annotated[Any, Body()]
) -> SubscriberView:
    """Change a subscriber; what is left out stays. `state` pauses and resumes it."""
    _find(caller, subscriber_id)
    wanted = validate(SubscriberChange, document)
    return change(database(), subscriber_id, wanted, guard())


@router.delete("/{subscriber_id}", status_code=204)
def remove_subscriber(caller: Administering, subscriber_id: str) -> None:
    """Tell a subscriber nothing more; its ledger stays, what is pending is withdrawn."""
    _find(caller, subscriber_id)
    with database().write() as session:
        subscribers.delete(session, subscriber_id)


@router.post("/{subscriber_id}/test")
def test_subscriber(caller: Administering, subscriber_id: str) -> dict[str, Any]:
    """Push a test event through the whole path; the answer is explained in two languages."""
    _find(caller, subscriber_id)
    return tested(subscriber_id)


def tested(subscriber_id: str) -> dict[str, Any]:
    """A test push and what came of it; TooSoon while as many go on as may."""
    if not _tests.acquire(blocking=False):
        raise TooSoon("{n} tests are going on", retry_after_seconds=5, n=TESTS_AT_ONCE)
    try:
        return push_test_event(database(), subscriber_id)
    finally:
        _tests.release()


def _find(caller: Caller, subscriber_id: str) -> Subscriber:
    """The subscriber, which must be the caller's own; whose it is never changes."""
    with database().read() as session:
        return subscribers.get(session, subscriber_id, agent=caller.agent)


def _for(caller: Caller, wanted: NewSubscriber) -> NewSubscriber:
    """What an agent adds is its own; Forbidden if it is to be another's."""
    if caller.agent is None:
        return wanted
    if wanted.kind is not SubscriberKind.AGENT:
        raise Forbidden("kind: the key is for one agent; use kind agent")
    if wanted.agent not in (None, caller.agent):
        raise Forbidden("agent: names an agent that the key is not for; leave it out")
    return wanted.model_copy(update={"agent": caller.agent})
