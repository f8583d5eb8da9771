"""Told as lines end: each ended line once, in the order of endings, whoever ends it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import col, func, select

from ordercast.contracts.report import WorkOrderReport
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.cloud_events import body_of
from ordercast.delivery.signing import new_secret
from ordercast.domain.work_order import Result
from ordercast.intake.reporting import take_reports
from ordercast.services.relay import lines as relay_lines
from ordercast.store import cancelling, reopening, subscribers, telling_lines
from ordercast.store import engine as store
from ordercast.store.clock import now
from ordercast.store.push_tables import LineEnd, LineNotice, PushDelivery, PushEvent
from ordercast.store.pushes import LINES_ENDED
from ordercast.store.tables import OrderLine
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tests.orders import (
    complete,
    generated,
    item,
    lease,
    line_states,
    order,
    report,
    stored,
    waiting,
    work_orders,
)

BASE_URL = "https://orders.example"
PATIENCE = timedelta(hours=2)


@pytest.fixture(autouse=True)
def on(database):
    """All that is done here is done to this database."""


def subscribe(name="partner", **wanted):
    document = {"kind": "public", "url": "http://127.0.0.1:9/", "name": name, "policy": "lines"}
    with store.database().write() as session:
        new = NewSubscriber.model_validate(document | wanted)
        return subscribers.create(session, new, secret=new_secret()).id


def cards(count, **more):
    """An order that ends so many IoT cards."""
    numbers = range(1, count + 1)
    items = [item(f"row-{n}", action="delete", iccid=f"8986{n:015}") for n in numbers]
    return order(*items, **more)


def finish(order_no, *line_nos):
    """Report all work on these lines completed, in one bulk."""
    mine = [row.id for row in work_orders(order_no) if row.line_no in line_nos]
    reports = [WorkOrderReport(work_order_id=each, result=Result.COMPLETED) for each in mine]
    take_reports(store.database(), reports)


def fail(order_no, line_no):
    """Report the first work on a line failed: what waits for it is cancelled."""
    first = next(row for row in work_orders(order_no) if row.line_no == line_no)
    report(first, "failed", code="HSS-1", text="模板不存在")


def flush(order_no, *, after=PATIENCE):
    """What the relay does when so much time has passed."""
    with store.database().write() as session:
        telling_lines.tell_due(session, order_no, before=now() + after)


def due(after):
    with store.database().read() as session:
        return telling_lines.due_orders(session, before=now() + after, limit=100)


def events_for(subscriber_id):
    """All events that a subscriber is told, in their sequence."""
    with store.database().read() as session:
        mine = (
            select(PushEvent)
            .join(PushDelivery, col(PushDelivery.event_id) == col(PushEvent.id))
            .where(PushDelivery.subscriber_id == subscriber_id)
        )
        return session.exec(mine.order_by(col(PushEvent.sequence))).all()


def told(subscriber_id):
    """The lines that a subscriber is told of, with version and state, in their order."""
    return [
        (each.version, line["line_no"], line["state"])
        for each in events_for(subscriber_id)
        if each.type == LINES_ENDED
        for line in each.data["lines"]
    ]


def how_many(table):
    with store.database().read() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_lines_that_end_within_the_interval_are_told_together():
    subscriber = subscribe()
    order_no, _ = waiting(cards(3, externalId="P-1"))
    finish(order_no, 2)
    fail(order_no, 1)
    assert told(subscriber) == []
    flush(order_no)
    (only,) = events_for(subscriber)
    first, second = only.data["lines"]
    assert (only.type, only.version, only.data["external_id"]) == (LINES_ENDED, 1, "P-1")
    assert (first["line_no"], first["item_id"], first["state"]) == (2, "row-2", "completed")
    assert first["characteristics"] == {"iccid": f"8986{2:015}"}
    assert "failures" not in first
    assert (second["line_no"], second["state"]) == (1, "failed")
    assert [(each["code"], each["text"]) for each in second["failures"]] == [
        ("HSS-1", "模板不存在")
    ]
    flush(order_no)
    assert len(events_for(subscriber)) == 1


def test_they_are_due_so_many_seconds_after_the_first_of_them():
    subscribe(lines_every_seconds=60)
    order_no, _ = waiting(cards(3))
    assert due(PATIENCE) == []
    finish(order_no, 1)
    with store.database().read() as session:
        (first,) = session.exec(select(LineNotice.due_at)).all()
        ended_at = session.exec(select(LineEnd.ended_at)).one()
    assert first - ended_at == timedelta(seconds=60)
    finish(order_no, 2)
    with store.database().read() as session:
        assert session.exec(select(LineNotice.due_at)).all() == [first]
    assert due(timedelta(seconds=55)) == []
    assert due(timedelta(seconds=60)) == [order_no]
    flush(order_no, after=timedelta(seconds=55))
    assert how_many(PushDelivery) == 0
    flush(order_no)
    assert due(PATIENCE) == []
    finish(order_no, 3)
    assert due(timedelta(seconds=61)) == [order_no]


def test_the_relay_tells_what_falls_due_before_its_next_look():
    subscriber = subscribe(lines_every_seconds=1)
    order_no, _ = waiting(cards(2))
    finish(order_no, 1)
    relay_lines.tell_lines(None)
    assert told(subscriber) == []
    with store.database().write() as session:
        session.exec(select(LineNotice)).one().due_at = now() + timedelta(seconds=0.4)
    assert relay_lines.tell_lines(None) is False
    assert told(subscriber) == [(1, 1, "completed")]


def test_an_order_that_cannot_be_told_of_does_not_keep_the_others_waiting(caplog):
    subscriber = subscribe(lines_every_seconds=1)
    bad, good = waiting(cards(2))[0], waiting(order(item("a"), item("b")))[0]
    for order_no in (bad, good):
        finish(order_no, 1)
    with store.database().write() as session:
        for notice in session.exec(select(LineNotice)):
            notice.due_at = now() - timedelta(seconds=2 if notice.order_no == bad else 1)
        session.get_one(OrderLine, (bad, 1)).document = {"service": {"serviceCharacteristic": [1]}}
    relay_lines.tell_lines(None)
    assert {each.order_no for each in events_for(subscriber)} == {good}
    assert bad in caplog.text
    assert due(timedelta(0)) == []
    assert due(PATIENCE) == [bad]


def test_who_asks_for_final_outcomes_is_told_of_no_line_and_nothing_is_written_for_it():
    final, other = subscribe("a", policy="final"), subscribe("b", agents=["agent-z"])
    foreign = subscribe("c", kind="agent", agent="agent-z")
    gone = subscribe("d")
    with store.database().write() as session:
        subscribers.delete(session, gone)
    order_no, held = waiting(cards(3))
    finish(order_no, 1, 2)
    assert (how_many(LineEnd), how_many(LineNotice)) == (0, 0)
    finish(order_no, 3)
    assert await_completion.fn(held)
    assert broadcast.fn(held)
    assert [each.type for each in events_for(final)] == ["order.completed"]
    assert events_for(other) == events_for(foreign) == events_for(gone) == []


def test_when_the_order_is_sealed_the_rest_is_told_at_once_and_before_the_outcome():
    subscriber = subscribe(lines_every_seconds=3600)
    order_no, held = waiting(cards(3))
    finish(order_no, 3)
    flush(order_no)
    fail(order_no, 2)
    finish(order_no, 1)
    assert told(subscriber) == [(1, 3, "completed")]
    assert await_completion.fn(held)
    assert told(subscriber) == [(1, 3, "completed"), (1, 2, "failed"), (1, 1, "completed")]
    assert broadcast.fn(held)
    types = [each.type for each in events_for(subscriber)]
    assert types == [LINES_ENDED, LINES_ENDED, "order.partial"]
    assert (how_many(LineEnd), how_many(LineNotice)) == (0, 0)


def test_lines_that_end_without_any_work_are_told_too():
    subscriber = subscribe()
    document = cards(1)
    document["serviceOrderItem"] += [item("no-such", product="no-such"), item("as-is")]
    document["serviceOrderItem"][2]["action"] = "noChange"
    order_no, _ = waiting(document)
    assert line_states(order_no) == ["inProgress", "rejected", "completed"]
    flush(order_no)
    assert told(subscriber) == [(1, 2, "rejected"), (1, 3, "completed")]
    (only,) = events_for(subscriber)
    assert only.data["lines"][0]["failures"][0]["text"]


def test_cancelled_lines_are_told_and_those_that_had_ended_are_not_told_again():
    subscriber = subscribe()
    order_no, held = waiting(cards(3))
    finish(order_no, 1)
    flush(order_no)
    with store.database().write() as session:
        cancelling.cancel(session, order_no)
    assert await_completion.fn(held)
    assert told(subscriber) == [(1, 1, "completed"), (1, 2, "cancelled"), (1, 3, "cancelled")]


def test_a_line_that_is_reopened_is_told_again_in_its_new_version():
    subscriber = subscribe()
    order_no, held = waiting(cards(2))
    fail(order_no, 1)
    finish(order_no, 2)
    assert await_completion.fn(held)
    with store.database().write() as session:
        reopening.reopen_failed(session, order_no)
    complete(order_no)
    assert await_completion.fn(lease(order_no, 2))
    assert told(subscriber) == [
        (1, 1, "failed"),
        (1, 2, "completed"),
        (2, 1, "completed"),
    ]
    types = [each.type for each in events_for(subscriber)]
    assert types == [LINES_ENDED, "order.reopened", LINES_ENDED]


def test_a_correction_is_told_as_the_lines_new_end_and_what_was_never_told_is_told_once():
    subscriber = subscribe()
    order_no, _ = waiting(cards(3))
    first = work_orders(order_no)[0]
    report(first, "failed", report_id="r-1", code="A")
    report(first, "completed", report_id="r-2", corrects="r-1")
    flush(order_no)
    assert told(subscriber) == []  # it goes on again
    report(first, "failed", report_id="r-3", corrects="r-2", code="B")
    flush(order_no)
    report(first, "completed", report_id="r-4", corrects="r-3")
    finish(order_no, 1)
    flush(order_no)
    assert told(subscriber) == [(1, 1, "failed"), (1, 1, "completed")]
    assert events_for(subscriber)[0].data["lines"][0]["failures"][0]["code"] == "B"


def test_each_interval_has_events_of_its_own_and_the_same_one_shares_them():
    fast, slow = (
        subscribe("fast", lines_every_seconds=10),
        subscribe("slow", lines_every_seconds=60),
    )
    twin = subscribe("twin", lines_every_seconds=60, event_types=["work-order.failed"])
    order_no, _ = waiting(cards(3))
    finish(order_no, 1)
    flush(order_no, after=timedelta(seconds=20))
    finish(order_no, 2)
    flush(order_no)
    assert [len(each.data["lines"]) for each in events_for(fast)] == [1, 1]
    assert [len(each.data["lines"]) for each in events_for(slow)] == [2]
    assert events_for(twin) == events_for(slow)
    ids = [each.id for one in (fast, slow) for each in events_for(one)]
    assert len(set(ids)) == 3


def test_who_asks_for_tags_is_told_of_the_lines_when_the_tags_are_known():
    iot, gold = subscribe("iot", tags=["iot"]), subscribe("gold", tags=["gold"])
    order_no, held = waiting(cards(2))
    finish(order_no, 2)
    finish(order_no, 1)
    assert due(PATIENCE) == []
    assert await_completion.fn(held)
    assert "iot" in stored(order_no).primary_tag
    assert told(iot) == [(1, 2, "completed"), (1, 1, "completed")]
    assert events_for(gold) == []
    assert how_many(PushEvent) - 4 == 1  # beside those of the reports


def test_who_comes_later_is_told_of_what_ends_from_then_on():
    early = subscribe("early", lines_every_seconds=10)
    order_no, _ = waiting(cards(3))
    finish(order_no, 1)
    flush(order_no)
    late = subscribe("late", lines_every_seconds=60)
    finish(order_no, 2)
    flush(order_no)
    assert told(early) == [(1, 1, "completed"), (1, 2, "completed")]
    assert told(late) == [(1, 2, "completed")]


def test_when_nobody_asks_any_more_nothing_is_told_and_nothing_stays_due():
    subscriber = subscribe()
    order_no, _ = waiting(cards(2))
    finish(order_no, 1)
    with store.database().write() as session:
        subscribers.delete(session, subscriber)
    flush(order_no)
    assert (how_many(LineNotice), told(subscriber)) == (0, [])


def test_a_large_batch_reported_in_many_bulks_is_told_in_few_bodies_under_20_kb():
    subscriber = subscribe()
    count = 1_200
    order_no, held = generated(cards(count))
    ids = [row.id for row in work_orders(order_no)]
    everything = [WorkOrderReport(work_order_id=each, result=Result.COMPLETED) for each in ids]
    for start in range(0, len(everything), 350):
        take_reports(store.database(), everything[start : start + 350])
        flush(order_no)
    assert await_completion.fn(held)
    assert [line for _, line, _ in told(subscriber)] == sorted(range(1, count + 1))
    events = events_for(subscriber)
    assert len(events) < count / 30
    bodies = [body_of(each, each.data, base_url=BASE_URL) for each in events]
    assert max(len(each.encode()) for each in bodies) < 20_000
    assert all("omitted" not in json.loads(each)["data"] for each in bodies)


@pytest.mark.parametrize("count", [20, 400])
def test_a_report_costs_the_same_however_many_lines_its_order_has(count):
    subscribe()
    order_no, _ = waiting(cards(count))
    finish(order_no, *range(2, count))
    statements = []
    event.listen(
        store.database().engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    finish(order_no, 1)
    assert len([each for each in statements if "line_" in each]) <= 8
    with store.database().read() as session:
        assert session.exec(select(func.max(LineEnd.place))).one() == count - 1


def test_relays_and_gateways_at_once_lose_no_line_and_tell_none_twice():
    subscriber = subscribe()
    count = 24
    order_no, held = waiting(cards(count))

    def work(line_no):
        finish(order_no, line_no)
        flush(order_no)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(1, count + 1)))
    assert await_completion.fn(held)
    assert sorted(line for _, line, _ in told(subscriber)) == list(range(1, count + 1))
    sequences = [each.sequence for each in events_for(subscriber)]
    assert sequences == sorted(set(sequences))
