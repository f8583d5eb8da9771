"""Retention: what is old enough goes, of orders in flight nothing, and a dry run takes nothing."""

import json
from datetime import timedelta

import pytest
from sqlmodel import select

from config.settings import settings
from ordercast.domain.errors import Conflict, InvalidMessage
from ordercast.domain.order import Stage
from ordercast.intake.accept import accept
from ordercast.store import reopening
from ordercast.store.clock import now
from ordercast.store.inbox import RawMessage
from ordercast.store.push_tables import PushAttempt, PushDelivery, PushEvent
from ordercast.store.tables import (
    ArchiveEntry,
    InboxMessage,
    OrderLine,
    OrderOutcome,
    OrderRun,
    ServiceOrder,
    WorkOrder,
)
from tasks import retention
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tasks.retention import LEFT, erase
from tests.orders import complete, item, named, order, report, stored, submit, waiting
from tests.store.test_replays import subscribe

OLD = timedelta(days=1000)
MSISDN, ICCID = "8613812345678", "89860012345678901234"


def activation():
    return order(
        item("1", product="plan-change", action="modify", msisdn=MSISDN, plan="5G", iccid=ICCID),
        description=f"call {MSISDN}",
    )


def ended(database, document=None, *, age=OLD):
    """An order that was told to everyone so long ago."""
    subscribe(database, f"crm-{now().timestamp()}")
    order_no, held = waiting(document or activation())
    report(named(order_no, "contract-check"), text=f"{MSISDN} ok", reporter="张三")
    complete(order_no)
    assert await_completion.fn(held) and broadcast.fn(held)
    with database.write() as session:
        session.get_one(ServiceOrder, order_no).ended_at -= age
        session.get_one(OrderOutcome, (order_no, 1)).sealed_at -= age
        run = session.get_one(OrderRun, (order_no, 1))
        run.ended_at, run.stage = now() - age, Stage.BROADCAST
        for message in session.exec(select(InboxMessage).where(InboxMessage.order_no == order_no)):
            message.received_at -= age
        entry = {"bucket": "b", "key": order_no, "sha256": "0", "size_bytes": 1}
        session.add(ArchiveEntry(order_no=order_no, version=1, archived_at=now(), **entry))
        for push in session.exec(select(PushDelivery)):
            push.state, push.due_at, push.ended_at = "delivered", None, now()
    return order_no


def go(**more):
    return erase.fn(**{"dry_run": False, "limit": 100, "seconds": 60, **more})


def everything(database):
    tables = (ServiceOrder, OrderLine, WorkOrder, OrderOutcome, PushEvent, InboxMessage)
    with database.read() as session:
        rows = [row for table in tables for row in session.exec(select(table))]
    return json.dumps([row.model_dump(exclude={"sealed", "evidence"}) for row in rows], default=str)


def test_what_is_personal_and_secret_goes_and_the_figures_stay(database):
    order_no = ended(database)
    assert MSISDN in everything(database)
    removed = go()
    told = everything(database)
    assert MSISDN not in told and ICCID not in told and "张三" not in told
    assert stored(order_no).state == "completed"
    with database.read() as session:
        (message,) = session.exec(select(InboxMessage)).all()
        outcome = session.get_one(OrderOutcome, (order_no, 1))
        assert session.exec(select(PushEvent)).all() == []
        assert session.exec(select(PushAttempt)).all() == []
    assert (message.sealed, outcome.evidence) == (b"", b"")
    assert message.sha256 and outcome.summary["counts"] == {"completed": 1}
    assert removed["personal"]["orders"] == removed["raw"]["raw messages"] == 1
    assert go()["personal"]["orders"] == 0


def test_a_dry_run_counts_the_same_and_takes_nothing(database):
    ended(database)
    before = everything(database)
    counted = go(dry_run=True)
    assert everything(database) == before
    assert go() == counted


def test_nothing_is_taken_of_orders_in_flight_or_not_old_enough(database):
    recent = ended(database, age=timedelta(days=1))
    flying, _ = waiting(activation())
    before = everything(database)
    assert {kind["orders"] for kind in go().values()} == {0}
    assert everything(database) == before
    assert {recent, flying} <= {row for row in before.split('"') if row.startswith("ord-")}


def test_an_order_that_is_not_told_yet_is_waited_for(database):
    stuck, free = ended(database, age=OLD + timedelta(days=1)), ended(database)
    with database.write() as session:
        session.get_one(OrderRun, (stuck, 1)).ended_at = None
    assert go()["personal"]["orders"] == 1
    with database.write() as session:
        session.get_one(OrderRun, (stuck, 1)).ended_at = now()
    assert go()["personal"]["orders"] == 2  # it goes back to where it waited
    assert MSISDN not in everything(database)
    assert stored(free).state == "completed"


def test_what_is_erased_cannot_be_reopened_or_corrected(database):
    order_no, held = waiting(activation())
    report(named(order_no, "contract-check"), "failed", report_id="r-1")
    assert await_completion.fn(held) and broadcast.fn(held)
    with database.write() as session:
        session.get_one(ServiceOrder, order_no).ended_at -= OLD
        session.get_one(OrderOutcome, (order_no, 1)).sealed_at -= OLD
    go()
    with database.write() as session, pytest.raises(Conflict, match="erased"):
        reopening.reopen_failed(session, order_no)
    told = report(named(order_no, "contract-check"), corrects="r-1")
    assert told.verdict == "contradicting" and "erased" in told.message
    assert stored(order_no).version == 1


def test_the_same_order_sent_again_is_still_known(database):
    document = {**activation(), "externalId": "P-1"}
    order_no = ended(database, document)
    go()
    assert submit(document) == order_no
    with pytest.raises(Conflict, match="kept no longer"):
        submit({**document, "description": "another"})


def test_the_ledger_of_an_order_goes_once_the_push_that_was_due_is_over(database):
    waits, other = ended(database), ended(database, age=OLD / 2)
    with database.write() as session:
        for event in session.exec(select(PushEvent)):
            event.occurred_at -= OLD
        push = session.exec(select(PushDelivery).where(PushDelivery.order_no == waits)).first()
        push.state, push.due_at = "pending", now()
    assert go()["ledger"]["events"] == events_of(database, other) + 5
    assert go()["ledger"]["orders"] == 0
    with database.write() as session:
        session.get_one(PushDelivery, push.id).state = "withdrawn"
    assert go(dry_run=True)["ledger"] == go()["ledger"]
    assert events_of(database, waits) == 0


def events_of(database, order_no):
    with database.read() as session:
        return len(session.exec(select(PushEvent).where(PushEvent.order_no == order_no)).all())


def test_a_round_that_may_take_only_some_says_how_many_are_left(database):
    for _ in range(3):
        ended(database)
    assert go(limit=0)["raw"] == {"orders": 0, LEFT: 3, "messages without an order": 0}
    assert LEFT not in go()["raw"]
    assert LEFT not in go(limit=0)["raw"]


def test_all_messages_without_an_order_go_however_many_there_are(database, monkeypatch):
    monkeypatch.setattr(retention, "STRAYS", 2)
    for _ in range(5):
        with pytest.raises(InvalidMessage):
            accept(database, RawMessage(b"nonsense", "application/json", "test"))
    with database.write() as session:
        for message in session.exec(select(InboxMessage)):
            message.received_at -= OLD
    for dry_run in (True, False):
        assert go(dry_run=dry_run)["raw"]["messages without an order"] == 5
    assert go()["raw"]["messages without an order"] == 0


def test_a_policy_of_zero_days_is_never(database, monkeypatch):
    for name in ("RAW", "PERSONAL", "LEDGER"):
        monkeypatch.setenv(f"ORDERCAST_RETENTION__{name}_DAYS", "0")
    settings.cache_clear()
    ended(database)
    assert go() == {}
