"""Claims: while one order works on a number or a card, the next is held.

Claims queue in the order of acceptance. An order claims all that it needs at once, so no two
orders can wait for each other.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, tuple_

from config.catalog import catalogue
from ordercast.domain.order import ItemAction, OrderState
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.facts import characteristics
from ordercast.store.orders import lines, order
from ordercast.store.runs import WaitingFor, run_of, wake
from ordercast.store.tables import ExclusiveClaim, OrderRun, ServiceOrder


def claim(session: Session, order_no: str, resources: Iterable[str]) -> None:
    """Queue the order for all the resources, behind those who queue already."""
    wanted = set(resources)
    query = select(ExclusiveClaim.resource).where(ExclusiveClaim.order_no == order_no)
    missing = sorted(wanted - set(session.exec(query).all()))
    at = now()
    for some in chunks(missing):
        rows = [{"resource": each, "order_no": order_no, "claimed_at": at} for each in some]
        session.execute(insert(ExclusiveClaim), rows)


def blocker(session: Session, order_no: str) -> ExclusiveClaim | None:
    """A claim of another order that comes before one of this order's, if there is any."""
    mine, theirs = aliased(ExclusiveClaim), aliased(ExclusiveClaim)
    earlier = tuple_(theirs.claimed_at, theirs.order_no) < tuple_(mine.claimed_at, mine.order_no)
    query = (
        select(theirs)
        .join(mine, col(mine.resource) == theirs.resource)
        .where(mine.order_no == order_no, theirs.order_no != order_no, earlier)
        .limit(1)
    )
    return session.exec(query).first()


def release(session: Session, order_no: str) -> None:
    """Give up all claims of an order and wake the orders that were held behind it."""
    for behind in _held_behind(session, order_no):
        following: ServiceOrder = order(session, behind)
        run: OrderRun = run_of(session, behind, following.version, lock=True)
        if run.waiting_for == WaitingFor.EXCLUSIVE:
            wake(run)
    session.execute(delete(ExclusiveClaim).where(col(ExclusiveClaim.order_no) == order_no))


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


def resources(session: Session, order_no: str) -> set[str]:
    """What the lines of an order need for themselves alone, as `msisdn:8613…`."""
    needed: set[str] = set()
    for line in lines(session, order_no):
        policy = catalogue().policy(line.product, ItemAction(line.action))
        if policy and line.state != OrderState.REJECTED:
            needed |= policy.resources(characteristics(line))
    return needed
