"""What happens at the same instant on PostgreSQL: nothing is done twice, nothing is missed.

Each deed has a thread and a connection of its own. No two transactions ever deadlock: that
would be raised as an OperationalError by one of them.
"""

from collections import Counter
from datetime import timedelta
from functools import partial
from itertools import chain
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlmodel import col, func, select

from ordercast.contracts.report import WorkOrderReport
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.domain.errors import Conflict, LeaseLost
from ordercast.domain.order import Stage
from ordercast.domain.work_order import Result
from ordercast.intake.accept import accept
from ordercast.intake.reporting import take_reports
from ordercast.store import cancelling, claims, commands, push_leases, relaying, runs, subscribers
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database as the_database
from ordercast.store.inbox import RawMessage
from ordercast.store.push_recording import Tried, record_attempts
from ordercast.store.push_tables import PushAttempt, PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import DeliveryState
from ordercast.store.tables import (
    CompletionReport,
    ExclusiveClaim,
    OrderOutcome,
    OrderRun,
    ServiceOrder,
    WorkerBeat,
)
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders
from tests.conftest import forget
from tests.orders import (
    JSON,
    body,
    complete,
    generated,
    item,
    lease,
    order,
    report,
    run_of,
    stored,
    submit,
    waiting,
    work_orders,
)
from tests.services.at_once import at_once

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("on_postgres")]

ROUNDS = 100
FEWER_ROUNDS = 30
MSISDN = "8613800138000"


@pytest.fixture
def on_postgres(home, postgres_url, monkeypatch):
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", postgres_url)
    forget()
    yield
    forget()


def rows(query):
    with the_database().read() as session:
        return session.exec(query).all()


def transaction(deed, *arguments, **options):
    """The deed as one transaction; what it gives is given."""
    with the_database().write() as session:
        return deed(session, *arguments, **options)


def number_change(msisdn=MSISDN):
    return item(product="plan-change", action="modify", msisdn=msisdn, plan="5G-199")


# relays


def test_relays_at_once_never_launch_the_same_run_and_leave_none_behind():
    numbers = {submit(order()) for _ in range(60)}
    take = partial(transaction, relaying.lease_launches, limit=7, lease_seconds=60)
    taken = []
    while found := list(chain.from_iterable(at_once(take, take, take))):
        taken += [each.order_no for each in found]
    assert sorted(taken) == sorted(numbers)


def test_a_lease_takes_no_more_than_its_limit_and_the_first_ones():
    numbers = [submit(order(priority=str(n % 5))) for n in range(40)]
    found = transaction(relaying.lease_launches, limit=8, lease_seconds=60)
    assert [each.order_no for each in found] == [n for n in numbers if stored(n).priority == 0]


def test_relays_at_once_never_wake_the_same_run():
    numbers = set()
    for _ in range(20):
        order_no, _ = waiting(order())
        transaction(relaying.launched, {(order_no, 1): uuid4()})
        complete(order_no)
        numbers.add(order_no)
    take = partial(transaction, relaying.lease_wakes, limit=3)
    taken = []
    while found := list(chain.from_iterable(at_once(take, take, take))):
        taken += [each.order_no for each in found]
    assert sorted(taken) == sorted(numbers)


def test_relays_at_once_never_write_the_same_artifact():
    numbers = set()
    for _ in range(20):
        order_no, held = waiting(order())
        transaction(relaying.launched, {(order_no, 1): uuid4()})
        runs.release_lease(held)
        numbers.add(order_no)
    with the_database().write() as session:
        session.execute(update(OrderRun).values(artifact_at=now()))
    take = partial(transaction, relaying.lease_artifacts, limit=3)
    taken = []
    while found := list(chain.from_iterable(at_once(take, take, take))):
        taken += [each.order_no for each in found]
    assert sorted(taken) == sorted(numbers)


def test_relays_at_once_never_carry_out_the_same_command():
    order_no = submit(order())
    for _ in range(30):
        transaction(commands.ask, order_no, CommandKind.CANCEL, reason="?", asked_by="t")
    take = partial(transaction, commands.lease_due, limit=4, lease_seconds=60)
    taken = []
    while found := list(chain.from_iterable(at_once(take, take, take))):
        taken += [each.id for each in found]
    assert len(taken) == len(set(taken)) == 30


def subscribe(name="partner"):
    new = NewSubscriber.model_validate(
        {"kind": "public", "name": name, "url": "http://127.0.0.1:9/", "event_types": ["*"]}
    )
    return transaction(subscribers.create, new, secret=new_secret()).id


def lease_pushes(holder, limit=5):
    return transaction(
        push_leases.lease_due, now=now(), limit=limit, lease_seconds=60, holder=holder
    )


def record(leased, state=DeliveryState.DELIVERED):
    with the_database().write() as session:
        for each in sorted(leased, key=lambda one: one.delivery.order_no):
            attempt = PushAttempt(
                delivery_id=each.delivery.id,
                number=each.delivery.attempts + 1,
                started_at=now(),
                duration_ms=1,
                verdict="delivered",
                reason="acknowledged",
                answer="",
            )
            record_attempts(session, [(each, Tried(attempt, state))])


def told_of(count):
    """So many orders with events to push."""
    for _ in range(count):
        order_no, _ = waiting(order())
        complete(order_no)


def test_relays_at_once_never_send_the_same_push_and_keep_each_order_in_turn():
    subscribe("one"), subscribe("two")
    told_of(10)
    sent = []

    def relay(holder):
        leased = lease_pushes(holder)
        record(leased)
        return [(each.subscriber.id, each.event.order_no, each.event.sequence) for each in leased]

    while found := list(chain.from_iterable(at_once(*(partial(relay, n) for n in "abc")))):
        sent += found
    assert max(Counter(sent).values()) == 1
    assert len(sent) == len(rows(select(PushDelivery)))
    last = {}
    for subscriber_id, order_no, sequence in sent:
        assert sequence > last.get((subscriber_id, order_no), 0)
        last[subscriber_id, order_no] = sequence


def test_a_subscriber_that_is_deleted_while_it_is_told_is_left_in_peace():
    for n in range(5):
        subscriber_id = subscribe(f"leaving-{n}")
        told_of(4)
        leased = lease_pushes("relay", limit=50)
        at_once(
            partial(record, leased, DeliveryState.GONE),
            partial(transaction, subscribers.delete, subscriber_id),
            partial(told_of, 1),
        )
        subscribers.withdraw_from_deleted(the_database())
        states = rows(select(PushDelivery.state).where(PushDelivery.subscriber_id == subscriber_id))
        assert "pending" not in states
        assert rows(select(Subscriber.state).where(Subscriber.id == subscriber_id)) == ["deleted"]


def test_a_name_is_given_to_one_subscriber_only():
    def create():
        try:
            return subscribe("the same")
        except Conflict:
            return None

    created = at_once(create, create, create)
    assert len([each for each in created if each]) == 1


# segments


def test_of_segments_at_once_the_last_one_alone_works_on():
    for _ in range(FEWER_ROUNDS):
        order_no = submit(order())
        held = at_once(*[partial(lease, order_no)] * 3)

        def work(one):
            try:
                return receive.fn(one) and decompose.fn(one)
            except LeaseLost:
                return False

        worked = at_once(*(partial(work, one) for one in held))
        assert Counter(worked) == {True: 1, False: 2}
        assert stored(order_no).line_count == 1


def test_threads_of_a_new_worker_begin_at_once():
    numbers = [submit(order()) for _ in range(8)]
    at_once(*(partial(lease, each) for each in numbers))
    assert rows(select(WorkerBeat.worker)) == ["tester"]


def test_a_step_whose_commit_was_not_heard_of_is_not_done_again():
    order_no, held = waiting(order())
    assert decompose.fn(held)
    assert generate_work_orders.fn(held)
    complete(order_no)
    assert await_completion.fn(held)
    assert await_completion.fn(held)
    assert generate_work_orders.fn(held)
    assert rows(select(ExclusiveClaim)) == []
    assert len(rows(select(OrderOutcome))) == 1


# reports


def two_at_the_end():
    """An order that waits for two work orders, both ready."""
    order_no, held = waiting(order(item("1"), item("2")))
    for _ in range(2):
        for each in work_orders(order_no):
            if each.state == "acknowledged":
                report(each)
    return order_no, held, [each for each in work_orders(order_no) if each.ended_at is None]


def test_the_last_two_reports_at_the_same_instant_wake_the_order_once():
    for _ in range(ROUNDS):
        order_no, _, last = two_at_the_end()
        assert len(last) == 2
        answers = at_once(*(partial(report, each) for each in last))
        assert [each.verdict for each in answers] == ["accepted", "accepted"]
        run = run_of(order_no)
        assert run.waiting_for == "work-orders"
        assert run.wake_at is not None
        counted = rows(
            select(PushEvent.sequence).where(PushEvent.order_no == order_no).order_by("sequence")
        )
        assert counted == list(range(1, 7))


def test_the_last_report_and_the_segment_that_would_wait_do_not_miss_each_other():
    for _ in range(ROUNDS):
        order_no, held = generated(order())
        *_, last = [report(each) for each in work_orders(order_no)[:2]] + work_orders(order_no)
        done, _ = at_once(partial(await_completion.fn, held), partial(report, last))
        run = run_of(order_no)
        assert done == (run.stage == Stage.SEALED)
        assert done or run.wake_at is not None


def test_the_same_report_by_two_doors_is_taken_once():
    for _ in range(FEWER_ROUNDS):
        order_no, _ = generated(order())
        first = work_orders(order_no)[0]
        told = partial(report, first, report_id="hss-1")
        assert {each.verdict for each in at_once(told, told, told)} == {"accepted"}
        kept = select(CompletionReport).where(CompletionReport.order_no == order_no)
        assert len(rows(kept)) == 1


def test_bulks_of_reports_in_opposite_orders_do_not_wait_for_each_other():
    for _ in range(FEWER_ROUNDS):
        numbers = [generated(order())[0] for _ in range(4)]
        firsts = [work_orders(each)[0].id for each in numbers] + ["wo-unknown-1-1", "wo-x-1-1"]
        bulks = [
            [WorkOrderReport(work_order_id=n, result=Result.COMPLETED, report_id="r") for n in ids]
            for ids in (firsts, firsts[::-1])
        ]
        answers = at_once(*(partial(take_reports, the_database(), bulk) for bulk in bulks))
        assert [each.verdict for each in answers[0]] == [each.verdict for each in answers[1][::-1]]


def test_corrections_of_many_orders_beside_their_seals_do_not_wait_for_each_other():
    for _ in range(FEWER_ROUNDS):
        numbers = [f"86138{n:08}" for n in range(4)]
        ended = sealed_with_reports(numbers)
        waits = waiting_at_their_ends(numbers)
        corrections = [correction(each) for each in ended]
        answers = at_once(
            partial(take_reports, the_database(), corrections),
            partial(take_reports, the_database(), corrections[::-1]),
            *(partial(await_completion.fn, held) for held in waits),
        )
        assert {each.verdict for bulk in answers[:2] for each in bulk} == {"corrected"}
        assert {stored(each.order_no).version for each in ended} == {2}
        assert {run_of(held.order_no).stage for held in waits} == {Stage.SEALED}
        complete(*(each.order_no for each in ended))
        for each in ended:
            assert await_completion.fn(lease(each.order_no, 2))
        assert rows(select(ExclusiveClaim)) == []


def sealed_with_reports(msisdns):
    """The first report of an order on each number, whose outcome is sealed."""
    held = waiting_at_their_ends(msisdns)
    assert all(await_completion.fn(each) for each in held)
    reports_of = (
        select(CompletionReport).where(CompletionReport.order_no == each.order_no) for each in held
    )
    return [rows(each)[0] for each in reports_of]


def waiting_at_their_ends(msisdns):
    """An order on each number with nothing open, whose outcome is not sealed yet."""
    opened = [waiting(order(number_change(each))) for each in msisdns]
    complete(*(order_no for order_no, _ in opened))
    return [held for _, held in opened]


def correction(kept):
    return WorkOrderReport(
        work_order_id=kept.work_order_id,
        result=Result.FAILED,
        report_id="corrected",
        corrects=kept.report_id,
    )


# claims


def at_generating(document):
    """An order whose next step is to generate its work orders."""
    order_no = submit(document)
    held = lease(order_no)
    assert receive.fn(held) and decompose.fn(held)
    return held


def test_of_orders_that_claim_a_number_at_the_same_instant_one_goes_on():
    for n in range(ROUNDS):
        held = [at_generating(order(number_change(f"86139{n:08}"))) for _ in range(3)]
        done = at_once(*(partial(generate_work_orders.fn, each) for each in held))
        assert Counter(done) == {True: 1, False: 2}


def test_a_clock_that_goes_ahead_lets_nobody_in_before_it(monkeypatch):
    ahead = at_generating(order(number_change()))
    with monkeypatch.context() as clock:
        clock.setattr(claims, "now", lambda: now() + timedelta(hours=1))
        assert generate_work_orders.fn(ahead)
    assert not generate_work_orders.fn(at_generating(order(number_change())))


def test_an_order_that_is_held_while_the_first_one_ends_is_woken_or_goes_on():
    for n in range(FEWER_ROUNDS):
        number = f"86137{n:08}"
        (first,) = waiting_at_their_ends([number])
        second = at_generating(order(number_change(number)))
        ended, went_on = at_once(
            partial(await_completion.fn, first), partial(generate_work_orders.fn, second)
        )
        assert ended
        assert went_on or run_of(second.order_no).wake_at is not None
        assert went_on or generate_work_orders.fn(second)


def test_orders_that_end_at_once_wake_each_other_without_waiting_for_each_other():
    for n in range(FEWER_ROUNDS):
        number = f"86136{n:08}"
        (first,) = waiting_at_their_ends([number])
        cancelled = [generated(order(number_change(number)))[1] for _ in range(3)]
        for each in cancelled:
            transaction(cancelling.cancel, each.order_no)
            assert generate_work_orders.fn(each)
        assert all(at_once(*(partial(await_completion.fn, each) for each in [first, *cancelled])))


def test_a_held_order_whom_nobody_woke_is_found(monkeypatch):
    (first,) = waiting_at_their_ends([MSISDN])
    second, held = generated(order(number_change()))
    monkeypatch.setattr(claims, "wake_held", lambda *_: None)
    assert await_completion.fn(first)
    monkeypatch.undo()
    assert run_of(second).wake_at is None
    claims.wake_overlooked(the_database())
    assert run_of(second).wake_at is not None
    assert generate_work_orders.fn(held)


# intake


def test_the_same_order_sent_at_the_same_instant_is_opened_once():
    for n in range(FEWER_ROUNDS):
        raw = RawMessage(
            body(order(item(iccid="8986012345678901234"), externalId=f"x{n}")), JSON, "t"
        )
        receipts = at_once(*[partial(accept, the_database(), raw)] * 4)
        assert len({each.orders[0].order_no for each in receipts}) == 1
        assert Counter(each.orders[0].is_new for each in receipts) == {True: 1, False: 3}


def test_batches_with_the_same_orders_in_opposite_turns_do_not_wait_for_each_other():
    for n in range(FEWER_ROUNDS):
        documents = [
            order(item(iccid=f"89860123456789{i:05}"), externalId=f"{n}-{i}") for i in range(6)
        ]
        raws = [RawMessage(body(each), JSON, "t") for each in (documents, documents[::-1])]
        one, other = at_once(*(partial(accept, the_database(), raw) for raw in raws))
        assert [each.order_no for each in one.orders] == [
            each.order_no for each in other.orders[::-1]
        ]
    opened = rows(
        select(func.count()).select_from(ServiceOrder).where(col(ServiceOrder.agent) != "")
    )
    assert opened == [6 * FEWER_ROUNDS]
