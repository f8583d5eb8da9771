"""Runs: the right to work on an order, what it waits for, and when it is to be woken.

Every transaction that changes an order locks the order's row first, then its run's, so that
a report and a segment never pass each other by. One that changes several orders locks all
their rows first, by number, then those of runs, by number; what is then waited for is in
`waiting_lines`. So no two transactions wait for each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, update
from sqlalchemy.orm import object_session
from sqlmodel import Session, col, select

from config.settings import settings
from ordercast.domain.causes import shape_of
from ordercast.domain.errors import LeaseLost, NotFound, PermanentFault
from ordercast.domain.order import Stage
from ordercast.store import beats
from ordercast.store.alerts import alert
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.tables import OrderRun, ServiceOrder

STUCK = "order-stuck"
"""The kind of the alert that a run waits for a person; its subject is the number of the order."""


SHOW_AFTER = timedelta(seconds=2)
"""How long after a segment the artifact of its order is written, unless another has begun."""


class WaitingFor(StrEnum):
    """What an order in flight waits for."""

    WORK_ORDERS = "work-orders"
    EXCLUSIVE = "exclusive"
    PARKED = "parked"
    OPERATOR = "operator"


STOPPED = (WaitingFor.PARKED, WaitingFor.OPERATOR)
"""What is waited for by those that a fault has brought to a stop."""


@dataclass
class Lease:
    """A segment's right to work on a version of an order; the newest token is the right one.

    `reached` is how far the run had come when the segment began.
    """

    order_no: str
    version: int
    token: str
    reached: Stage = Stage.ACCEPTED


@dataclass(frozen=True)
class Work:
    """An order that a segment works on, its rows locked until the transaction ends."""

    session: Session
    order: ServiceOrder
    run: OrderRun

    def has_reached(self, stage: Stage) -> bool:
        """Whether the run is at this stage or past it: a try whose end was not heard of."""
        return not Stage(self.run.stage).is_before(stage)

    def reach(self, stage: Stage) -> None:
        """The run has come to this stage and waits for nothing."""
        self.run.stage = stage
        go_on(self.run)


def run_of(session: Session, order_no: str, version: int, *, lock: bool = False) -> OrderRun:
    """The run of a version of an order; NotFound if there is none."""
    found = session.get(
        OrderRun, (order_no, version), with_for_update=lock or None, populate_existing=lock
    )
    if found is None:
        raise _no_run(order_no, version)
    return found


def take_lease(order_no: str, version: int, *, flow_run_id: UUID | None, worker: str) -> Lease:
    """The right to work on a version; whoever held it before has lost it."""
    token, changes = uuid4().hex, _in_flow_run(flow_run_id) if flow_run_id else {}
    taken = (
        update(OrderRun)
        .where(*_is(order_no, version))
        .values(token=token, worker=worker, launch_at=None, artifact_at=None, **changes)
        .returning(col(OrderRun.stage))
        .execution_options(synchronize_session=False)
    )
    with database().write() as session:
        stage = session.scalars(taken).one_or_none()
        if stage is None:
            raise _no_run(order_no, version)
        beats.show_alive(session, worker)
        return Lease(order_no, version, token, Stage(stage))


def _in_flow_run(flow_run_id: UUID) -> dict[str, Any]:
    """The run goes on in this flow run, which shows no other one's artifact."""
    is_known = col(OrderRun.flow_run_id) == flow_run_id
    return {
        "flow_run_id": flow_run_id,
        "artifact_id": case((is_known, col(OrderRun.artifact_id)), else_=None),
    }


def release_lease(lease: Lease) -> None:
    """Give the right back, unless somebody else has taken it meanwhile.

    What the segment has changed is shown in Prefect a little later: what follows at once is
    shown with it. One that ends in order has brought no worker down.
    """
    held = (*_is(lease.order_no, lease.version), col(OrderRun.token) == lease.token)
    with database().write() as session:
        session.execute(
            update(OrderRun)
            .where(*held)
            .values(token=None, worker=None, recoveries=0, artifact_at=now() + SHOW_AFTER)
            .execution_options(synchronize_session=False)
        )


@contextmanager
def working(lease: Lease) -> Iterator[Work]:
    """One transaction of a segment; LeaseLost, without effect, if its right has gone."""
    with database().write() as session:
        order, run = _locked(session, lease.order_no, lease.version)
        if run.token != lease.token:
            raise LeaseLost(f"another segment works on {lease.order_no}:{lease.version}")
        yield Work(session, order, run)


def _locked(session: Session, order_no: str, version: int) -> tuple[ServiceOrder, OrderRun]:
    """An order and its run, locked in this order in one round trip."""
    query = select(ServiceOrder, OrderRun).where(
        col(ServiceOrder.order_no) == OrderRun.order_no, *_is(order_no, version)
    )
    found = session.exec(query.with_for_update()).one_or_none()
    if found is None:
        raise _no_run(order_no, version)
    return found


def _is(order_no: str, version: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(OrderRun.order_no) == order_no, col(OrderRun.version) == version


def _no_run(order_no: str, version: int) -> NotFound:
    return NotFound("run", f"{order_no}:{version}")


def wait(run: OrderRun, waiting_for: WaitingFor, reason: str, *, until: datetime | None) -> None:
    """The run waits, in the caller's transaction; with `until` it is woken then by itself."""
    if run.waiting_for != waiting_for:
        run.waiting_since = now()
    run.waiting_for, run.waiting_reason, run.wake_at = waiting_for, reason, until
    run.cause = shape_of(reason) if waiting_for in STOPPED else None
    run.tries = run.tries + 1 if waiting_for is WaitingFor.PARKED else 0
    run.wake_tries = 0


def go_on(run: OrderRun) -> None:
    """The run waits for nothing any more."""
    run.waiting_for = run.waiting_reason = run.waiting_since = run.wake_at = run.cause = None
    run.tries = 0


def park(lease: Lease, reason: str) -> None:
    """Rest the run after a fault that passes, to be woken later, longer each time.

    After the time that the settings allow it is for a person instead: PermanentFault.
    """
    limits = settings().relay
    with working(lease) as work:
        run = work.run
        rest = parking_time(
            run.tries if run.waiting_for == WaitingFor.PARKED else 0,
            shortest_seconds=limits.park_min_seconds,
            longest_seconds=limits.park_max_seconds,
        )
        wait(run, WaitingFor.PARKED, reason, until=now() + rest)
        since = run.waiting_since or now()
    if now() - since > timedelta(hours=limits.park_give_up_hours):
        raise PermanentFault(f"{reason} (for {limits.park_give_up_hours:g} hours)")


def ask_operator(lease: Lease, reason: str) -> None:
    """Note that the run has failed and waits for a person, with the reason."""
    with working(lease) as work:
        hand_over(work.session, work.run, reason)


def hand_over(session: Session, run: OrderRun, reason: str) -> None:
    """The run waits for a person, who is told of it once."""
    if run.waiting_for != WaitingFor.OPERATOR:
        cure = f"once it is mended: ordercast orders retry {run.order_no}"
        alert(session, STUCK, subject=run.order_no, text=f"it has failed, {cure}; {reason}")
    wait(run, WaitingFor.OPERATOR, reason, until=None)


def wake(run: OrderRun) -> None:
    """Ask the relay to resume a run that waits; without effect on one that does not.

    One that waits for an operator has ended in Prefect: only a retry brings it back.
    """
    if run.waiting_for not in (None, WaitingFor.OPERATOR) and run.ended_at is None:
        run.wake_at = now()
        if session := object_session(run):
            nudge_after_commit(session, Topic.WAKE)


def parking_time(tries: int, *, shortest_seconds: float, longest_seconds: float) -> timedelta:
    """How long a parked order rests before try number `tries`, from 0: doubled each time."""
    return timedelta(seconds=min(longest_seconds, shortest_seconds * 2 ** min(tries, 30)))
