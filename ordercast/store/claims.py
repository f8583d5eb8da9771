"""Claims: while one order works on a number or a card, the next is held.

Claims queue in the order in which orders come to claim. An order claims all that it needs at
once, so no two orders can wait for each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, literal
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, tuple_

from config.catalog import catalogue
from ordercast.domain.order import ItemAction, OrderState
from ordercast.store.bulk import insert_rows
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.commits import after_commit
from ordercast.store.engine import Database
from ordercast.store.facts import characteristics
from ordercast.store.runs import WaitingFor, wake
from ordercast.store.tables import ExclusiveClaim, OrderLine, OrderRun
from ordercast.store.waiting_lines import Line, wait_in_line

TICK = timedelta(microseconds=1)
OVERLOOKED_LIMIT = 500


def hold(session: Session, resources: Iterable[str]) -> None:
    """Let no other transaction claim or release any of these before this one ends."""
    wait_in_line(session.connection(), Line.CLAIM, resources)


def claim(session: Session, order_no: str, resources: Iterable[str]) -> ExclusiveClaim | None:
    """Queue the order for all the resources, behind those who queue already.

    Gives a claim of another order that comes first, if there is any: else it is this one's turn.
    """
    wanted = sorted(set(resources))
    hold(session, wanted)
    queues = _queues(session, order_no, wanted)
    mine = {each.resource for each in queues if each.is_mine}
    missing = [each for each in wanted if each not in mine]
    at = max([now(), *(each.latest + TICK for each in queues if not each.is_mine)])
    rows = [{"resource": each, "order_no": order_no, "claimed_at": at} for each in missing]
    insert_rows(session, ExclusiveClaim, rows)
    return _blocker(session, order_no) if any(not each.is_mine for each in queues) else None


@dataclass(frozen=True)
class _Queue:
    """The claims on a resource: an order's own, or those of all others, the latest of them."""

    resource: str
    is_mine: bool
    latest: datetime


def _queues(session: Session, order_no: str, resources: Sequence[str]) -> list[_Queue]:
    is_mine = col(ExclusiveClaim.order_no) == order_no
    latest = func.max(ExclusiveClaim.claimed_at)
    found: list[_Queue] = []
    for some in chunks(resources):
        query = select(ExclusiveClaim.resource, is_mine, latest)
        query = query.where(col(ExclusiveClaim.resource).in_(some))
        rows = session.exec(query.group_by(col(ExclusiveClaim.resource), is_mine))
        found += [_Queue(*row) for row in rows]
    return found


def _claimed(session: Session, order_no: str) -> Sequence[str]:
    query = select(ExclusiveClaim.resource).where(ExclusiveClaim.order_no == order_no)
    return session.exec(query).all()


def _blocker(session: Session, order_no: str) -> ExclusiveClaim | None:
    """A claim of another order that comes before one of this order's, if there is any."""
    mine, theirs = aliased(ExclusiveClaim), aliased(ExclusiveClaim)
    query = (
        select(theirs)
        .join(mine, col(mine.resource) == theirs.resource)
        .where(mine.order_no == order_no, _is_before(theirs, mine))
        .limit(1)
    )
    return session.exec(query).first()


def _is_before(theirs: type[ExclusiveClaim], mine: type[ExclusiveClaim]) -> ColumnElement[bool]:
    return tuple_(theirs.claimed_at, theirs.order_no) < tuple_(mine.claimed_at, mine.order_no)


def release(session: Session, order_no: str) -> None:
    """Give up all claims of an order; after the commit the orders held behind it are woken.

    Not before it, for a transaction that holds its own order's rows waits for nobody else's.
    """
    hold(session, _claimed(session, order_no))
    behind = _held_behind(session, order_no)
    session.execute(delete(ExclusiveClaim).where(col(ExclusiveClaim.order_no) == order_no))
    if behind:
        after_commit(session, f"wake those behind {order_no}", lambda db: wake_held(db, behind))


def _held_behind(session: Session, order_no: str) -> Sequence[str]:
    mine, theirs = aliased(ExclusiveClaim), aliased(ExclusiveClaim)
    query = (
        select(theirs.order_no)
        .join(mine, col(mine.resource) == theirs.resource)
        .where(mine.order_no == order_no, theirs.order_no != order_no)
        .distinct()
        .order_by(theirs.order_no)
    )
    return session.exec(query).all()


def wake_held(database: Database, order_nos: Sequence[str]) -> None:
    """Wake those of the orders that are held: each looks again whether it is its turn."""
    for some in chunks(order_nos):
        with database.write() as session:
            held = select(OrderRun).where(col(OrderRun.order_no).in_(some), _is_held())
            by_number = held.order_by(OrderRun.order_no, col(OrderRun.version))
            for run in session.exec(by_number.with_for_update()):
                wake(run)


def wake_overlooked(database: Database) -> None:
    """Wake held orders whose turn it is but whom nobody woke: somebody died after a release."""
    mine, theirs = aliased(ExclusiveClaim), aliased(ExclusiveClaim)
    blocked = exists().where(
        col(mine.order_no) == OrderRun.order_no,
        col(theirs.resource) == mine.resource,
        _is_before(theirs, mine),
    )
    free = select(OrderRun.order_no).where(_is_held(), col(OrderRun.wake_at).is_(None), ~blocked)
    with database.read() as session:
        overlooked = session.exec(free.limit(OVERLOOKED_LIMIT)).all()
    wake_held(database, overlooked)


def _is_held() -> ColumnElement[bool]:
    """Written out, not bound: only so does PostgreSQL know that the index of held runs serves."""
    exclusive = literal(WaitingFor.EXCLUSIVE.value, literal_execute=True)
    return col(OrderRun.waiting_for) == exclusive


def resources(lines: Iterable[OrderLine]) -> set[str]:
    """What lines need for themselves alone, as `msisdn:8613…`."""
    needed: set[str] = set()
    for line in lines:
        policy = catalogue().policy(line.product, ItemAction(line.action))
        if policy and line.state != OrderState.REJECTED:
            needed |= policy.resources(characteristics(line))
    return needed
