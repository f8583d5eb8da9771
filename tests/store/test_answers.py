"""Answers about the ledger: who was not told, and figures that a long ledger does not make dear."""

from datetime import timedelta

import pytest
from sqlmodel import update

from ordercast.domain.errors import NotFound
from ordercast.store.measuring import Told, figures
from ordercast.store.push_matrix import matrix
from ordercast.store.push_tables import PushDelivery, Subscriber
from ordercast.store.pushes import NewEvent
from ordercast.store.tables import OrderOutcome, OrderRun
from ordercast.store.untold import not_broadcast, untold
from tests.store.plans import noted, plan
from tests.store.test_replays import THEN, ask, carry_out, end, subscribe, tell

LONG_AFTER = THEN + timedelta(days=1)


def seal(database, order_no, *, at=THEN, stage="archived", ended=False, tags=()):
    with database.write() as session:
        session.add(
            OrderOutcome(
                order_no=order_no,
                version=1,
                state="completed",
                sealed_at=at,
                primary_tag="sim",
                tags=list(tags),
                evidence=b"",
            )
        )
        session.add(
            OrderRun(
                order_no=order_no,
                version=1,
                stage=stage,
                start_at=at,
                ended_at=at if ended else None,
                waiting_for=None if ended else "parked",
                waiting_reason=None if ended else "platform: 503",
            )
        )


def missed(database, *, before=LONG_AFTER, limit=100):
    with database.read() as session:
        return [
            (each.delivery.order_no, each.subscriber.name, each.delivery.state)
            for each in untold(session, before=before, limit=limit)
        ]


def settle(database, order_no, state):
    """What is pending of an order ends so, or stays pending."""
    with database.write() as session:
        values = {"state": state, "ended_at": None if state == "pending" else THEN}
        changed = update(PushDelivery).where(PushDelivery.order_no == order_no)
        session.execute(changed.values(**values))


def test_an_outcome_that_somebody_does_not_have_is_untold_whatever_the_reason(database):
    subscribe(database, "crm", event_types=["*order.*"])
    for number, state in enumerate(["delivered", "pending", "gave-up", "rejected", "gone"]):
        tell(database, f"ord-{number}", at=THEN + timedelta(minutes=number))
        settle(database, f"ord-{number}", state)
    tell(database, "ord-9", NewEvent("work-order.completed", 1), NewEvent("order.reopened", 2))
    assert missed(database) == [
        ("ord-1", "crm", "pending"),
        ("ord-2", "crm", "gave-up"),
        ("ord-3", "crm", "rejected"),
        ("ord-4", "crm", "gone"),
    ]
    assert len(missed(database, limit=3)) == 3
    assert missed(database, before=THEN + timedelta(minutes=2)) == [
        ("ord-1", "crm", "pending"),
        ("ord-2", "crm", "gave-up"),
    ]


def test_an_outcome_that_is_sealed_and_not_broadcast_is_told_to_nobody(database):
    seal(database, "ord-stuck")
    seal(database, "ord-done", stage="broadcast", ended=True)
    seal(database, "ord-new", at=LONG_AFTER)
    with database.read() as session:
        (stuck,) = not_broadcast(session, before=LONG_AFTER - timedelta(minutes=10), limit=9)
    assert (stuck.order_no, stuck.reason) == ("ord-stuck", "platform: 503")


def test_the_matrix_has_every_subscriber_and_the_reason_of_each_that_was_not_told(database):
    told = subscribe(database, "told", event_types=["*order.*"])
    subscribe(database, "other agent", kind="agent", agent="agent-y")
    subscribe(database, "agents", agents=["agent-z"])
    subscribe(database, "tags", tags=["vip"])
    subscribe(database, "types", event_types=["work-order.*"])
    removed = subscribe(database, "removed")
    tell(database, "ord-1", NewEvent("work-order.completed", 1), NewEvent("order.completed", 1))
    end(database)
    subscribe(database, "late")
    with database.write() as session:
        session.get_one(Subscriber, removed).state = "deleted"
    with database.read() as session:
        found = matrix(session, "ord-1")
    rows = {row.subscriber.name: row for row in found.rows}
    assert [event.type for event in found.events] == ["order.completed"]
    assert (rows["told"].subscriber.id, rows["told"].counts) == (told, {"delivered": 2})
    assert rows["told"].pushes[2].state == "delivered" and not rows["told"].not_told
    assert rows["removed"].pushes[2].state == "delivered"
    reasons = {name: row.not_told[2] for name, row in rows.items() if row.not_told}
    assert reasons == {
        "other agent": "it sees the orders of agent-y alone",
        "agents": "it asked for the orders of agent-z alone",
        "tags": "it asked for orders tagged vip alone",
        "types": "it did not ask for order.completed",
        "late": "it was added later: replay",
    }
    with pytest.raises(NotFound), database.read() as session:
        matrix(session, "ord-9")


def test_what_the_matrix_would_have_replayed_a_replay_makes(database):
    tell(database, "ord-1")
    subscribe(database, "late")
    carry_out(database, ask(database, order_no="ord-1"))
    with database.read() as session:
        (row,) = matrix(session, "ord-1").rows
    assert row.pushes[1].state == "pending" and not row.not_told


def measured(database, at=LONG_AFTER):
    with database.read() as session:
        return figures(session, now=at)


def test_the_figures_are_those_of_the_database(database):
    subscribe(database, "crm")
    for number, state in enumerate(["delivered", "delivered", "gave-up", "pending"]):
        tell(database, f"ord-{number}")
        settle(database, f"ord-{number}", state)
    seal(database, "ord-5")
    found = measured(database, at=THEN + timedelta(minutes=30))
    assert found.orders == {"completed": 4}
    assert (found.in_flight, found.waiting) == (1, {"parked": 1})
    assert found.deliveries == {
        "pending": 1,
        "rejected": 0,
        "gone": 0,
        "gave-up": 1,
        "superseded": 0,
        "withdrawn": 0,
    }
    assert found.delivered == 2
    assert found.oldest_due_seconds == 1800
    assert measured(database, at=THEN + timedelta(hours=2)).delivered == 0


def test_the_time_to_told_is_from_the_seal_and_leaves_replays_out(database):
    subscriber = subscribe(database, "crm")
    for number in range(4):
        seal(database, f"ord-{number}", at=THEN - timedelta(seconds=number), ended=True)
        tell(database, f"ord-{number}")
        settle(database, f"ord-{number}", "delivered")
    with database.write() as session:
        again = update(PushDelivery).where(PushDelivery.order_no == "ord-3")
        session.execute(again.values(replay_id="rep-1", ended_at=LONG_AFTER))
    (told,) = measured(database, at=THEN + timedelta(minutes=30)).told
    assert (told.subscriber_id, sorted(told.seconds)) == (subscriber, [0, 1, 2])
    assert (told.quantile(0.5), told.quantile(0.99)) == (1, 2)
    assert measured(database, at=THEN + timedelta(hours=2)).told == []


def test_quantiles_are_by_the_nearest_rank():
    hundred = Told("sub-1", "crm", [float(n) for n in range(1, 101)])
    assert (hundred.quantile(0.5), hundred.quantile(0.99)) == (50, 99)
    assert Told("sub-1", "crm", [7.0]).quantile(0.5) == 7


def test_each_answer_is_read_from_an_index(database):
    subscribe(database, "crm")
    tell(database, "ord-1")
    seal(database, "ord-1")
    with noted(database) as statements:
        missed(database)
        with database.read() as session:
            not_broadcast(session, before=LONG_AFTER, limit=9)
        measured(database)
    plans = [plan(database, *each) for each in statements]
    for told in plans:
        assert not [line for line in told.splitlines() if is_whole_table(line)], told
    of_pushes = [told for told in plans if "ix_push_delivery_state" in told]
    assert len(of_pushes) == 6  # one for each state that is untold, and two counts
    assert not [told for told in of_pushes if "TEMP B-TREE FOR ORDER" in told or "Sort" in told]


def is_whole_table(line):
    """Whether a step of a plan reads a table from end to end; that of subscribers is small."""
    reads = line.strip(" ->").startswith(("SCAN", "Seq Scan"))
    return (
        reads
        and not {"subscriber", "newest"} & set(line.split())
        and "INDEX" not in line
        and "(subquery" not in line
    )
