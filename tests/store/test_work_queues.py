"""Queues of work orders, and claiming, in the database."""

from datetime import timedelta

import pytest

from ordercast.store import work_queues
from ordercast.store.changes import marks
from ordercast.store.clock import now
from ordercast.store.work_queues import Queue, Shelf
from tests.orders import named, plan_change, report, waiting, work_orders

FIRST = "contract-check"


@pytest.fixture
def order_no(database):
    return waiting(plan_change(lines=2))[0]


def shelf(database, chosen, *, queue=None, at=None):
    queue, at = queue or Queue(), at or now()
    with database.read() as session:
        rows = work_queues.page(session, queue, chosen, at=at, offset=0, limit=100)
        counts = work_queues.queues(session, at=at)
    assert work_queues.count(counts, queue, chosen) == len(rows)
    return {row.id for row in rows}


def test_every_open_work_order_stands_on_its_shelf(database, order_no):
    ids = {row.id for row in work_orders(order_no)}
    ready = {named(order_no, FIRST, line).id for line in (1, 2)}
    assert shelf(database, Shelf.OPEN) == ids
    assert shelf(database, Shelf.READY) == ready
    assert shelf(database, Shelf.BLOCKED) == ids - ready
    assert shelf(database, Shelf.OVERDUE) == set()
    assert shelf(database, Shelf.OVERDUE, at=now() + timedelta(days=90)) == ids


def test_pages_follow_one_another_by_what_is_due_first(database, order_no):
    with database.write() as session:
        for place, row in enumerate(work_orders(order_no)):
            session.merge(row).due_at = now() + timedelta(hours=place % 3)
    with database.read() as session:
        pages = [
            work_queues.page(session, Queue(), Shelf.OPEN, at=now(), offset=offset, limit=3)
            for offset in range(0, 12, 3)
        ]
    listed = [(row.due_at, row.id) for page in pages for row in page]
    assert listed == sorted((row.due_at, row.id) for row in work_orders(order_no))


def test_queues_count_what_is_open(database, order_no):
    report(named(order_no, FIRST))
    rows = [row for row in work_orders(order_no) if row.state not in ("completed", "failed")]
    with database.read() as session:
        found = work_queues.queues(session, at=now() + timedelta(days=90))
    assert sum(each.open for each in found) == sum(each.overdue for each in found) == len(rows)
    for each in found:
        assert each.open == len(shelf(database, Shelf.OPEN, queue=each.queue))


def test_a_claim_is_for_one_and_tells_since_when(database, order_no):
    first = named(order_no, FIRST).id
    with database.write() as session:
        assert work_queues.claim(session, [first, "wo-0-1-1"], who="ann") == [first]
    with database.write() as session:
        assert work_queues.claim(session, [first], who="bob") == []
        assert work_queues.claim(session, [first], who="ann") == [first]
        assert work_queues.claimed_at(session, first) <= now()
    assert named(order_no, FIRST).claimed_by == "ann"


def test_what_is_blocked_cannot_be_claimed(database, order_no):
    blocked = sorted(shelf(database, Shelf.BLOCKED))
    with database.write() as session:
        assert work_queues.claim(session, blocked, who="ann") == []


def test_what_is_given_back_is_ready_again(database, order_no):
    first = named(order_no, FIRST).id
    with database.write() as session:
        work_queues.claim(session, [first], who="ann")
    with database.write() as session:
        assert work_queues.release(session, [first], who="bob") == [first]
        assert work_queues.release(session, [first], who="bob") == []
    assert first in shelf(database, Shelf.READY)


def test_all_open_work_comes_in_rounds_each_once(database, order_no, monkeypatch):
    monkeypatch.setattr(work_queues, "ROUND", 3)
    rounds = list(work_queues.each_open(database, Queue(), Shelf.OPEN))
    assert [row.id for rows in rounds for row in rows] == sorted(shelf(database, Shelf.OPEN))
    assert max(map(len, rounds)) == 3


def test_what_pages_follow_changes_with_a_claim_and_with_a_report(database, order_no):
    seen = []
    for change in (lambda: None, lambda: claim(database, order_no), lambda: done(order_no)):
        change()
        with database.read() as session:
            seen.append(marks(session)["work-orders"])
    assert len(set(seen)) == 3


def claim(database, order_no):
    with database.write() as session:
        work_queues.claim(session, [named(order_no, FIRST).id], who="ann")


def done(order_no):
    report(named(order_no, FIRST))
