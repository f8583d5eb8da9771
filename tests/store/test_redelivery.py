"""Messages of a queue that name no external id: what makes one of them the same as another."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import update

from ordercast.intake.accept import accept
from ordercast.store.clock import now
from ordercast.store.inbox import RawMessage, ReplyTo
from ordercast.store.tables import InboxMessage
from tests.orders import JSON, body, order, stored

pytestmark = pytest.mark.usefixtures("home")


def message(document=None, **more):
    return RawMessage(body(document or order()), JSON, "queue", queue="q", **more)


def taken(database, raw):
    (accepted,) = accept(database, raw).orders
    return accepted


def test_a_redelivered_message_is_the_order_that_the_same_bytes_became(database):
    raw = message()
    first = taken(database, raw)
    again = taken(database, replace(raw, redelivered=True))
    assert (again.order_no, again.is_new) == (first.order_no, False)


@pytest.mark.parametrize(
    "change",
    [{"redelivered": False}, {"queue": "another"}, {"agent": "another"}, {"body": body(order())}],
    ids=["not redelivered", "another queue", "another agent", "another body"],
)
def test_anything_else_is_another_order(database, change):
    raw = message()
    taken(database, raw)
    assert taken(database, replace(raw, **{"redelivered": True, **change})).is_new


def test_after_a_day_the_same_bytes_are_another_order(database):
    raw = message()
    taken(database, raw)
    with database.write() as session:
        session.execute(update(InboxMessage).values(received_at=now() - timedelta(days=1)))
    assert taken(database, replace(raw, redelivered=True)).is_new


def test_a_message_with_a_key_is_known_by_it_for_ever(database):
    raw = message(key="q:1")
    first = taken(database, raw)
    assert taken(database, raw).order_no == first.order_no
    assert stored(first.order_no).external_id == "q:1"
    assert taken(database, replace(raw, key="q:2")).is_new


def test_an_external_id_counts_more_than_the_key(database):
    raw = message(order(externalId="A-1"), key="q:1")
    first = taken(database, raw)
    assert taken(database, replace(raw, key="q:2")).order_no == first.order_no


def test_the_sender_is_answered_where_it_last_said_that_it_waits(database):
    raw = message(key="q:1", reply_to=ReplyTo("here", "c-1"))
    order_no = taken(database, raw).order_no
    assert (stored(order_no).reply_to, stored(order_no).correlation_id) == ("here", "c-1")
    taken(database, replace(raw, reply_to=ReplyTo("there")))
    assert (stored(order_no).reply_to, stored(order_no).correlation_id) == ("there", None)
