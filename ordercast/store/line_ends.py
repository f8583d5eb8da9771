"""Lines that end while their order goes on: noted for those who are told as lines end.

Whoever ends lines holds the order's row, and notes them in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.domain.order import OrderState
from ordercast.domain.work_order import WorkOrderState
from ordercast.store import pushes
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.push_tables import LineEnd, LineNotice
from ordercast.store.pushes import AT_THE_SEAL
from ordercast.store.tables import ServiceOrder
from ordercast.store.upserting import insert_for
from ordercast.store.work_orders import LineWork

Failure = Mapping[str, str | None]


@dataclass(frozen=True)
class EndedLine:
    """The state in which a line ended, and why it did not complete."""

    state: OrderState
    failures: tuple[Failure, ...] = ()


def ended_by_work(line: LineWork) -> EndedLine | None:
    """How a line ended by its work orders; None while one is open."""
    state = line.state
    if not state.is_final:
        return None
    failed = [row for row in line.work_orders.values() if row.state == WorkOrderState.FAILED]
    return EndedLine(state, tuple(_failure(row.name, row.code, row.text) for row in failed))


def ended_by_refusal(problems: list[dict[str, Any]]) -> EndedLine:
    """How a line ended that the catalogue refuses."""
    texts = [f"{each['field']}: {each['problem']}; {each['cure']}" for each in problems]
    return EndedLine(OrderState.REJECTED, tuple(_failure(None, None, text) for text in texts))


def _failure(work_order: str | None, code: str | None, text: str | None) -> Failure:
    return {"work_order": work_order, "code": code, "text": text or "no text given"}


def note(session: Session, order: ServiceOrder, ended: Mapping[int, EndedLine]) -> None:
    """Note the lines that have just ended, by number, if there is anybody to tell.

    A line that ended before, and does so again, is to be told again. The cost depends on the
    lines that are given, not on the order's.
    """
    intervals = pushes.intervals(session, order) if ended else set()
    if not intervals:
        return
    at = now()
    last = select(func.max(LineEnd.place)).where(LineEnd.order_no == order.order_no)
    first = (session.exec(last).one() or 0) + 1
    rows = [
        _row(order.order_no, line_no, place, ended[line_no], at)
        for place, line_no in enumerate(sorted(ended), start=first)
    ]
    for some in chunks(rows):
        adding = insert_for(session, LineEnd).values(some)
        again = {name: adding.excluded[name] for name in ("place", "state", "failures", "ended_at")}
        key = ["order_no", "line_no"]
        session.execute(adding.on_conflict_do_update(index_elements=key, set_=again))
    _give_notice(session, order.order_no, intervals, told_place=first - 1, at=at)


def _row(order_no: str, line_no: int, place: int, line: EndedLine, at: datetime) -> dict[str, Any]:
    return {
        "order_no": order_no,
        "line_no": line_no,
        "place": place,
        "state": line.state.value,
        "failures": list(line.failures),
        "ended_at": at,
    }


def _give_notice(
    session: Session, order_no: str, intervals: set[int], *, told_place: int, at: datetime
) -> None:
    """What is not due yet falls due after the interval; what is, stays due when it was.

    Who asks for the first time is told of what ends from now on.
    """
    notices = [
        {
            "order_no": order_no,
            "every_seconds": seconds,
            "told_place": told_place,
            "due_at": at + timedelta(seconds=seconds) if seconds != AT_THE_SEAL else None,
        }
        for seconds in sorted(intervals)
    ]
    giving = insert_for(session, LineNotice).values(notices)
    sooner = func.coalesce(col(LineNotice.due_at), giving.excluded.due_at)
    key = ["order_no", "every_seconds"]
    session.execute(giving.on_conflict_do_update(index_elements=key, set_={"due_at": sooner}))
