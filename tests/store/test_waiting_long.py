"""Counting orders that have waited for too long, and remembering whether that was told."""

from datetime import timedelta

from ordercast.store.alerts import alert
from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.tables import OrderRun
from ordercast.store.waiting_long import FLOWING, WAITING, backlog, last_told

AT = now()


def add(database: Database, number: int, hours: float, waiting_for: str | None, **more) -> None:
    with database.write() as session:
        session.add(
            OrderRun(
                order_no=f"ord-{number}",
                version=1,
                stage="generated",
                start_at=AT,
                waiting_for=waiting_for,
                waiting_since=AT - timedelta(hours=hours),
                **more,
            )
        )


def test_orders_count_that_have_waited_for_longer_and_have_not_ended(database: Database) -> None:
    add(database, 1, 30, "work-orders")
    add(database, 2, 26, "work-orders")
    add(database, 3, 25, "parked")
    add(database, 4, 1, "work-orders")
    add(database, 5, 99, "work-orders", ended_at=AT)
    with database.read() as session:
        found = backlog(session, at=AT, hours=24)
    assert (found.count, found.by_reason) == (3, {"work-orders": 2, "parked": 1})
    assert found.oldest == AT - timedelta(hours=30)


def test_nothing_waits_in_an_empty_house(database: Database) -> None:
    with database.read() as session:
        found = backlog(session, at=AT, hours=24)
        assert (found.count, found.oldest, last_told(session)) == (0, None, None)


def test_the_last_crossing_is_the_newest_alert_of_its_two_kinds(database: Database) -> None:
    for kind in (WAITING, FLOWING, WAITING, "order-stuck"):
        with database.write() as session:
            alert(session, kind, subject="x", text="y")
    with database.read() as session:
        told = last_told(session)
        assert told and told.kind == WAITING
