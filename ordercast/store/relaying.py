"""What the relay finds in the database: runs to launch, to wake, to show, and to look after.

Rows are leased by moving their time on, so that several relays never take the same ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, case, exists, update
from sqlmodel import Session, col, select, tuple_

from ordercast.domain.order import Stage
from ordercast.store.clock import now
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.runs import WaitingFor, hand_over
from ordercast.store.tables import OrderRun, ServiceOrder, WorkerBeat

LAUNCH_AGAIN_SECONDS = 2
WAKE_AGAIN_SECONDS = 10
SOONEST_SECONDS = 0.2
SHOW_AGAIN_SECONDS = 30


@dataclass(frozen=True)
class Launch:
    """A version of an order that has no flow run yet, with what its run shall be called."""

    order_no: str
    version: int
    title: str
    agent: str
    products: Sequence[str]
    line_count: int
    start_at: datetime


def lease_launches(session: Session, *, limit: int, lease_seconds: float) -> list[Launch]:
    """Runs to launch, by priority and then in the order of arrival."""
    at = now()
    due = (
        select(OrderRun.order_no, OrderRun.version)
        .where(col(OrderRun.launch_at) <= at, col(OrderRun.ended_at).is_(None))
        .order_by(col(OrderRun.priority), col(OrderRun.launch_at))
        .limit(limit)
    )
    later = at + timedelta(seconds=lease_seconds)
    runs = sorted(
        _take(session, due, launch_at=later), key=lambda run: (run.priority, run.start_at)
    )
    numbers = col(ServiceOrder.order_no).in_([run.order_no for run in runs])
    orders = {row.order_no: row for row in session.exec(select(ServiceOrder).where(numbers))}
    return [_launch(run, orders[run.order_no]) for run in runs]


def _launch(run: OrderRun, order: ServiceOrder) -> Launch:
    return Launch(
        order_no=run.order_no,
        version=run.version,
        title=order.title,
        agent=order.agent,
        products=order.products,
        line_count=order.line_count,
        start_at=run.start_at,
    )


def launched(session: Session, flow_runs: Mapping[tuple[str, int], UUID | None]) -> None:
    """Note the flow runs of versions that have been launched; None: try again soon."""
    for key, flow_run_id in sorted(flow_runs.items(), key=lambda pair: pair[0]):
        run = session.get_one(OrderRun, key, with_for_update=True)
        if flow_run_id:
            run.flow_run_id, run.launch_at = flow_run_id, None
        elif run.launch_at:
            run.launch_at = now() + timedelta(seconds=LAUNCH_AGAIN_SECONDS)


def lease_wakes(session: Session, *, limit: int) -> Sequence[OrderRun]:
    """Runs that are to be woken now; they come again until a segment says otherwise."""
    at = now()
    due = (
        select(OrderRun.order_no, OrderRun.version)
        .where(
            col(OrderRun.wake_at) <= at,
            col(OrderRun.ended_at).is_(None),
            col(OrderRun.flow_run_id).is_not(None),
        )
        .order_by(col(OrderRun.priority), col(OrderRun.wake_at))
        .limit(limit)
    )
    later = at + timedelta(seconds=WAKE_AGAIN_SECONDS)
    return _take(session, due, wake_at=later, wake_tries=OrderRun.wake_tries + 1)


def wake_soon(session: Session, flow_run_ids: Sequence[UUID]) -> None:
    """Runs that were not suspended yet are tried again soon, each time a little later."""
    query = select(OrderRun).where(col(OrderRun.flow_run_id).in_(flow_run_ids))
    by_number = query.order_by(OrderRun.order_no, col(OrderRun.version))
    for run in session.exec(by_number.with_for_update()):
        if run.wake_at and run.waiting_for:
            pause = min(SOONEST_SECONDS * 2 ** min(run.wake_tries, 10), WAKE_AGAIN_SECONDS)
            run.wake_at = now() + timedelta(seconds=pause)


def lease_artifacts(session: Session, *, limit: int) -> Sequence[OrderRun]:
    """Runs whose artifact is to be written now; they come again unless that is noted."""
    at = now()
    due = (
        select(OrderRun.order_no, OrderRun.version)
        .where(col(OrderRun.artifact_at) <= at, col(OrderRun.flow_run_id).is_not(None))
        .order_by(col(OrderRun.artifact_at))
        .limit(limit)
    )
    return _take(session, due, artifact_at=at + timedelta(seconds=SHOW_AGAIN_SECONDS))


def artifacts_written(session: Session, written: Sequence[tuple[OrderRun, UUID]]) -> None:
    """Note the artifacts of leased runs; one that has gone on meanwhile stays due."""
    by_number = sorted(written, key=lambda each: (each[0].order_no, each[0].version))
    for run, artifact_id in by_number:
        is_as_leased = col(OrderRun.artifact_at) == run.artifact_at
        session.execute(
            update(OrderRun)
            .where(
                col(OrderRun.order_no) == run.order_no,
                col(OrderRun.version) == run.version,
                col(OrderRun.flow_run_id) == run.flow_run_id,
            )
            .values(
                artifact_id=artifact_id,
                artifact_at=case((is_as_leased, None), else_=col(OrderRun.artifact_at)),
            )
            .execution_options(synchronize_session=False)
        )


def _take(session: Session, due: Select, **values: object) -> Sequence[OrderRun]:
    """Lease what is due; on PostgreSQL what another relay is at is skipped.

    A common table expression with a lock is worked out once; a subquery may be, row by row.
    """
    key = tuple_(col(OrderRun.order_no), col(OrderRun.version))
    first = due.with_for_update(skip_locked=True).cte("due")
    leased = (
        update(OrderRun)
        .where(key.in_(select(first.c.order_no, first.c.version)))
        .values(**values)
        .returning(OrderRun)
    )
    return session.scalars(leased, execution_options={"populate_existing": True}).all()


def orphans(session: Session, *, silent_seconds: float, limit: int) -> Sequence[OrderRun]:
    """Runs that a worker holds which has not beaten for that long."""
    alive = exists().where(
        col(WorkerBeat.worker) == OrderRun.worker,
        col(WorkerBeat.beat_at) > now() - timedelta(seconds=silent_seconds),
    )
    query = select(OrderRun).where(
        col(OrderRun.token).is_not(None), col(OrderRun.ended_at).is_(None), ~alive
    )
    return session.exec(query.limit(limit)).all()


def in_flight_after(session: Session, after: tuple[str, int], *, limit: int) -> Sequence[OrderRun]:
    """Runs in flight that have a flow run, by number and version after one."""
    place = (col(OrderRun.order_no), col(OrderRun.version))
    query = select(OrderRun).where(
        tuple_(*place) > after,
        col(OrderRun.ended_at).is_(None),
        col(OrderRun.flow_run_id).is_not(None),
    )
    return session.exec(query.order_by(*place).limit(limit)).all()


def in_flight_of(session: Session, flow_run_ids: Sequence[UUID]) -> Sequence[OrderRun]:
    """Those of the flow runs whose version of an order is still in flight."""
    query = select(OrderRun).where(
        col(OrderRun.flow_run_id).in_(flow_run_ids), col(OrderRun.ended_at).is_(None)
    )
    return session.exec(query).all()


def launch_again(session: Session, run: OrderRun) -> None:
    """The flow run is gone: the version gets a new one, which goes on where it was."""
    current = session.get_one(OrderRun, (run.order_no, run.version), with_for_update=True)
    if current.flow_run_id == run.flow_run_id:
        current.flow_run_id = current.artifact_id = None
        current.launch_at = now()
        nudge_after_commit(session, Topic.LAUNCH)
        current.token = current.worker = None


def take_for_recovery(session: Session, run: OrderRun) -> bool:
    """Whether the caller is to schedule the run again: nobody holds it until a segment begins.

    No, if another relay has done so, or a segment has begun, since the run was read.
    """
    current = session.get_one(OrderRun, (run.order_no, run.version), with_for_update=True)
    if (current.token, current.recoveries) != (run.token, run.recoveries):
        return False
    current.token = current.worker = None
    current.recoveries += 1
    return True


def is_sealed(run: OrderRun) -> bool:
    """Whether the outcome of the run's version is frozen: cancelling comes too late."""
    return not Stage(run.stage).is_before(Stage.SEALED)


def note_failure(session: Session, run: OrderRun, reason: str) -> None:
    """The flow run has failed technically: it waits for a person."""
    current = session.get_one(OrderRun, (run.order_no, run.version), with_for_update=True)
    if current.waiting_for != WaitingFor.OPERATOR:
        hand_over(session, current, reason)
        current.artifact_at = now()
