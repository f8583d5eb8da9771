"""Completion reports: each is judged, kept and answered; the last one wakes the order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlmodel import Session, col, select

from ordercast.contracts.report import ReportAnswer, WorkOrderReport
from ordercast.domain.report import ANSWERS, Verdict, judge
from ordercast.domain.work_order import WorkOrderState, reopen
from ordercast.store import orders, pushes, reopening, runs, work_orders
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.pushes import NewEvent
from ordercast.store.tables import CompletionReport, ServiceOrder, WorkOrder
from ordercast.store.work_orders import LineWork


def take(session: Session, reports: Sequence[WorkOrderReport]) -> list[ReportAnswer]:
    """Judge, keep and answer reports in the order given, in the caller's transaction."""
    by_order: dict[str | None, list[WorkOrderReport]] = defaultdict(list)
    order_of = _order_numbers(session, {each.work_order_id for each in reports})
    for each in reports:
        by_order[order_of.get(each.work_order_id)].append(each)
    answered: dict[int, ReportAnswer] = {}
    for order_no, some in sorted(by_order.items(), key=lambda pair: pair[0] or ""):
        group = _OrderReports(session, order_no, some)
        answered |= {id(each): group.answer(each) for each in some}
        group.close()
    return [answered[id(each)] for each in reports]


def _order_numbers(session: Session, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in chunks(sorted(ids)):
        query = select(WorkOrder.id, WorkOrder.order_no).where(col(WorkOrder.id).in_(some))
        found.update(dict(session.exec(query).all()))
    return found


class _OrderReports:
    """Takes the reports on one order (None: on work orders that do not exist)."""

    def __init__(
        self, session: Session, order_no: str | None, reports: Sequence[WorkOrderReport]
    ) -> None:
        self.session = session
        self.order: ServiceOrder | None = (
            orders.order(session, order_no, lock=True) if order_no else None
        )
        self.known = _known(session, reports)
        self.lines = self._lines({each.work_order_id for each in reports})
        self.by_id = {
            row.id: (row, line) for line in self.lines.values() for row in line.work_orders.values()
        }
        self.events: list[NewEvent] = []

    def _lines(self, ids: Iterable[str]) -> Mapping[int, LineWork]:
        if self.order is None:
            return {}
        line_nos = {int(each.split("-")[-2]) for each in ids}
        return work_orders.lines_work(self.session, self.order.order_no, line_nos)

    def answer(self, report: WorkOrderReport) -> ReportAnswer:
        key = (report.work_order_id, report.report_id)
        if earlier := self.known.get(key):
            return _same_answer(earlier, report)
        row, line = self.by_id.get(report.work_order_id, (None, None))
        kept = self._keep(report, self._judge(report, row))
        self.known[key] = kept
        if row and line and Verdict(kept.verdict).has_effect:
            self._apply(report, kept, row, line)
        return _answer(kept)

    def _judge(self, report: WorkOrderReport, row: WorkOrder | None) -> Verdict:
        state = WorkOrderState(row.state) if row else None
        corrects = bool(row and report.corrects and self._accepted(row) == report.corrects)
        return judge(state, report.result, corrects_accepted=corrects)

    def _accepted(self, row: WorkOrder) -> str | None:
        kept = self.session.get(CompletionReport, row.report_key) if row.report_key else None
        return kept.report_id if kept else None

    def _keep(self, report: WorkOrderReport, verdict: Verdict) -> CompletionReport:
        kept = CompletionReport(
            **report.model_dump(),
            order_no=self.order.order_no if self.order else None,
            verdict=verdict,
            answer=ANSWERS[verdict].format(result=report.result),
            received_at=now(),
        )
        self.session.add(kept)
        return kept

    def _apply(
        self, report: WorkOrderReport, kept: CompletionReport, row: WorkOrder, line: LineWork
    ) -> None:
        assert self.order
        if kept.verdict == Verdict.CORRECTED:
            reopening.open_next_version(self.session, self.order)
            line.become(reopen(line.states, line.depends_on, [row.name]))
        line.end(row.name, report.result.state, code=report.code, text=report.text)
        self.session.flush()
        row.report_key = kept.key
        self.events.append(_event(self.order, row, kept))

    def close(self) -> None:
        """Store what the reports changed; if nothing is open any more, wake the order."""
        if self.order is None or not self.events:
            return
        order_no = self.order.order_no
        work_orders.roll_up(self.session, order_no, self.lines)
        pushes.add_events(self.session, self.order, self.events)
        if not work_orders.any_open(self.session, order_no):
            runs.wake(runs.run_of(self.session, order_no, self.order.version, lock=True))


def _known(
    session: Session, reports: Sequence[WorkOrderReport]
) -> dict[tuple[str, str], CompletionReport]:
    known: dict[tuple[str, str], CompletionReport] = {}
    for some in chunks(sorted({each.report_id for each in reports})):
        query = select(CompletionReport).where(col(CompletionReport.report_id).in_(some))
        known |= {(row.work_order_id, row.report_id): row for row in session.exec(query)}
    return known


def _same_answer(earlier: CompletionReport, report: WorkOrderReport) -> ReportAnswer:
    if earlier.result == report.result:
        return _answer(earlier)
    return ReportAnswer(
        work_order_id=report.work_order_id,
        report_id=report.report_id,
        verdict=Verdict.CONTRADICTING,
        message=f"report {report.report_id!r} said {earlier.result} before; use a new report_id",
    )


def _answer(kept: CompletionReport) -> ReportAnswer:
    return ReportAnswer(
        work_order_id=kept.work_order_id,
        report_id=kept.report_id,
        verdict=kept.verdict,
        message=kept.answer,
    )


def _event(order: ServiceOrder, row: WorkOrder, kept: CompletionReport) -> NewEvent:
    return NewEvent(
        type=f"work-order.{kept.result}",
        version=order.version,
        line_no=row.line_no,
        n=kept.key or 0,
        data={
            "work_order_id": row.id,
            "name": row.name,
            "line_no": row.line_no,
            "result": kept.result,
            "code": kept.code,
            "text": kept.text,
            "reporter": kept.reporter,
        },
    )
