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
    SubscriberView,
)
from ordercast.delivery.guard import guard
from ordercast.delivery.subscribing import change, check, rotate_secret, subscribe
from ordercast.delivery.testing import push_test_event
from ordercast.domain.errors import TooSoon
from ordercast.intake.problems import validate
from ordercast.services.gateway.paging import Limit, Offset, count_headers, page_size
from ordercast.store import subscribers
from ordercast.store.engine import database

router = APIRouter(prefix="/subscribers", tags=["subscribers"])

TESTS_AT_ONCE = 4
_tests = BoundedSemaphore(TESTS_AT_ONCE)
"""Each waits for a receiver, in a thread that orders may need."""

_BODY = {"content": {"application/json": {"schema": NewSubscriber.model_json_schema()}}}
_CHANGE = {"content": {"application/json": {"schema": SubscriberChange.model_json_schema()}}}


@router.post("", status_code=201, openapi_extra={"requestBody": {**_BODY, "required": True}})
def add_subscriber(document: Annotated[Any, Body()], response: Response) -> CreatedSubscriber:
    """Add a subscriber. The answer is the only one that shows its signing secret."""
    wanted = validate(NewSubscriber, document)
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
def rotate(subscriber_id: str, document: Annotated[Any, Body()] = None) -> CreatedSubscriber:
    """Have pushes signed with a new secret, which only this answer shows, and for a while both."""
    wanted = validate(NewSecret, document or {})
    with database().write() as session:
        return rotate_secret(session, subscriber_id, wanted)


@router.get("")
def list_subscribers(
    response: Response,
    limit: Limit = None,
    offset: Offset = 0,
) -> list[SubscriberView]:
    """All subscribers that are not deleted, the oldest first."""
    rows = page_size(limit)
    with database().read() as session:
        total, page = subscribers.listing(session, limit=rows, offset=offset)
    count_headers(response, total=total, shown=len(page))
    return [SubscriberView.model_validate(each) for each in page]


@router.get("/{subscriber_id}")
def show_subscriber(subscriber_id: str) -> SubscriberView:
    """One subscriber, without its secret."""
    with database().read() as session:
        return SubscriberView.model_validate(subscribers.get(session, subscriber_id))


@router.patch("/{subscriber_id}", openapi_extra={"requestBody": {**_CHANGE, "required": True}})
def change_subscriber(subscriber_id: str, document: Annotated[Any, Body()]) -> SubscriberView:
    """Change a subscriber; what is left out stays. `state` pauses and resumes it."""
    wanted = validate(SubscriberChange, document)
    return change(database(), subscriber_id, wanted, guard())


@router.delete("/{subscriber_id}", status_code=204)
def remove_subscriber(subscriber_id: str) -> None:
    """Tell a subscriber nothing more; its ledger stays, what is pending is withdrawn."""
    with database().write() as session:
        subscribers.delete(session, subscriber_id)


@router.post("/{subscriber_id}/test")
def test_subscriber(subscriber_id: str) -> dict[str, Any]:
    """Push a test event through the whole path; the answer is explained in two languages."""
    if not _tests.acquire(blocking=False):
        raise TooSoon(f"{TESTS_AT_ONCE} tests are going on", retry_after_seconds=5)
    try:
        return push_test_event(database(), subscriber_id)
    finally:
        _tests.release()
