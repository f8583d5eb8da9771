"""Telling of overdue work: the event, the alert, and the report by which it fails."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from ordercast.contracts.report import WorkOrderReport
from ordercast.domain.escalation import Step
from ordercast.domain.work_order import Result
from ordercast.store import pushes
from ordercast.store.alerts import alert
from ordercast.store.pushes import NewEvent, known_by
from ordercast.store.tables import OperatorAlert, ServiceOrder

OVERDUE = "OVERDUE"
"""The code of a work order that was reported failed because nobody reported it in time."""
ALERT = "work-overdue"
SWEEP = "ordercast sweep"


@dataclass(frozen=True)
class Taken:
    """That a step was taken about a work order."""

    step: Step
    order_no: str
    work_order_id: str
    name: str
    who: str
    due_at: datetime


def tell(session: Session, order: ServiceOrder, taken: Sequence[Taken], at: datetime) -> None:
    reminded = [each for each in taken if each.step is Step.REMIND]
    pushes.add_events(session, order, [_event(order, each) for each in reminded], at=at)
    by_kind: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    for each in taken:
        if each.step is Step.ALERT:
            by_kind[each.name, each.who].append(each)
    for (name, who), alike in by_kind.items():
        if not _is_told(session, order.order_no, f"{name} ({who})", at):
            alert(session, ALERT, subject=order.order_no, text=_words(alike), at=at)


def _is_told(session: Session, order_no: str, what: str, at: datetime) -> bool:
    """Whether operators are about to hear of such work: thousands of lines are one alert."""
    just_written = select(OperatorAlert.key).where(
        col(OperatorAlert.sent_at).is_(None),
        OperatorAlert.created_at > at - timedelta(hours=1),
        OperatorAlert.kind == ALERT,
        OperatorAlert.subject == order_no,
        col(OperatorAlert.text).startswith(what, autoescape=True),
    )
    return session.exec(just_written.limit(1)).first() is not None


def _event(order: ServiceOrder, late: Taken) -> NewEvent:
    line_no, position = map(int, late.work_order_id.rsplit("-", 2)[1:])
    return NewEvent(
        type=pushes.WORK_OVERDUE,
        version=order.version,
        line_no=line_no,
        n=position * 10**11 + int(late.due_at.timestamp()),
        data={
            **known_by(order),
            "work_order_id": late.work_order_id,
            "name": late.name,
            "line_no": line_no,
            "who": late.who,
            "due_at": _iso(late.due_at),
            "text": f"{late.name} ({late.who}) was due {_utc(late.due_at)} and is not reported",
        },
    )


def _words(alike: Sequence[Taken]) -> str:
    first = min(alike, key=lambda each: each.due_at)
    more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    what = f"{first.name} ({first.who}), {first.work_order_id}{more}"
    return f"{what}: due {_utc(first.due_at)} and not reported; ask who does it"


def failed(late: Taken, at: datetime) -> WorkOrderReport:
    """The report by which a work order fails; said twice, it is the same one."""
    return WorkOrderReport(
        work_order_id=late.work_order_id,
        report_id=f"overdue-{late.due_at:%Y%m%dT%H%M%SZ}",
        result=Result.FAILED,
        code=OVERDUE,
        text=f"nobody reported it: it was due {_utc(late.due_at)}, {_long(at - late.due_at)} ago",
        reporter=SWEEP,
    )


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _long(time: timedelta) -> str:
    hours, seconds = divmod(int(time.total_seconds()), 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {seconds // 60} min"


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
