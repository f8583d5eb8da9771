"""Completion reports: each is judged, kept and answered; the last one wakes the order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import insert
from sqlmodel import Session, col, select

from ordercast.contracts.report import ReportAnswer, WorkOrderReport
from ordercast.domain.errors import Problem
from ordercast.domain.report import ANSWERS, Verdict, judge
from ordercast.domain.said import Said
from ordercast.domain.work_order import Result, WorkOrderState, reopen
from ordercast.store import (
    claims,
    erasing,
    inbox,
    line_ends,
    orders,
    pushes,
    reopening,
    runs,
    undoing,
    work_orders,
)
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.inbox import MessageOutcome, RawMessage
from ordercast.store.line_ends import EndedLine
from ordercast.store.pushes import NewEvent, News
from ordercast.store.tables import CompletionReport, ServiceOrder, WorkOrder
from ordercast.store.work_orders import LineWork

DONE_AFTER_ALL = (Verdict.LATE, Result.COMPLETED)
BEING_UNDONE = (
    "what was done of this line is undone already, or being undone; the report is kept: to have"
    " the line done after all, reopen the order once that has ended"
)

ERASED = "the numbers and names of the order are erased; the report is kept: send a new order"

FEW_LINES = 10
"""Of an order of so many lines all are read where one is reported on."""

_Known = dict[str, dict[str, CompletionReport]]
"""Reports that were kept before, by work order and by the report's own id."""


def take(
    session: Session, reports: Sequence[WorkOrderReport], *, agent: str | None = None
) -> list[ReportAnswer]:
    """Judge, keep and answer reports in the order given, in the caller's transaction.

    To an agent that is named the work orders of others are unknown.
    """
    by_order: dict[str | None, list[WorkOrderReport]] = defaultdict(list)
    order_of = _order_numbers(session, {each.work_order_id for each in reports}, agent)
    answered: dict[int, ReportAnswer] = {}
    for each in reports:
        if agent is not None and each.work_order_id not in order_of:
            answered[id(each)] = _set_aside(session, each, agent)
        else:
            by_order[order_of.get(each.work_order_id)].append(each)
    locked = _lock(session, by_order)
    known, work = _known(session, reports), _work(session, locked, by_order)
    groups: list[_OrderReports] = []
    for order_no, some in sorted(by_order.items(), key=lambda pair: pair[0] or ""):
        order = locked.get(order_no or "")
        groups.append(_OrderReports(session, order, work[order_no], known))
        answered |= {id(each): groups[-1].answer(each) for each in some}
    _store(session, groups)
    _close(session, [each for each in groups if each.effects])
    return [answered[id(each)] for each in reports]


def _lock(
    session: Session, by_order: Mapping[str | None, Sequence[WorkOrderReport]]
) -> Mapping[str, ServiceOrder]:
    """Lock all that several orders share before the first is changed, always in the same order.

    A correction may reopen its order, which then claims its numbers again.
    """
    locked = orders.lock(session, [order_no for order_no in by_order if order_no])
    corrected = [no for no in locked if any(each.corrects for each in by_order[no])]
    claims.hold(session, _needed(session, corrected))
    return locked


def _needed(session: Session, order_nos: Iterable[str]) -> set[str]:
    return set().union(*(claims.resources(orders.lines(session, no)) for no in order_nos))


def _order_numbers(session: Session, ids: Iterable[str], agent: str | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in chunks(sorted(ids)):
        query = select(WorkOrder.id, WorkOrder.order_no).where(col(WorkOrder.id).in_(some))
        if agent is not None:
            query = query.where(orders.is_number_of(col(WorkOrder.order_no), agent))
        found.update(dict(session.exec(query).all()))
    return found


def _set_aside(session: Session, report: WorkOrderReport, agent: str) -> ReportAnswer:
    """Keep an agent's report on what is not its own in the inbox.

    Were it a report on the work order, its id would be taken from whoever does the work.
    """
    problem = Problem("work_order_id", "is not known", "give the id of a work order of yours")
    _keep_message(session, report, MessageOutcome.REFUSED, problem, agent=agent)
    return ReportAnswer(
        work_order_id=report.work_order_id,
        report_id=report.report_id,
        verdict=Verdict.UNKNOWN,
        message=ANSWERS[Verdict.UNKNOWN].format(result=report.result),
    )


def _keep_message(
    session: Session,
    report: WorkOrderReport,
    outcome: MessageOutcome,
    problem: Problem,
    *,
    agent: str | None,
    order_no: str | None = None,
) -> None:
    raw = report.model_dump_json().encode()
    message = RawMessage(raw, "application/json", source="report", agent=agent)
    inbox.keep(session, message, outcome=outcome, problems=[problem], order_no=order_no)


class _OrderReports:
    """Takes the reports on one locked order (None: on work orders that do not exist)."""

    def __init__(
        self,
        session: Session,
        order: ServiceOrder | None,
        lines: Mapping[int, LineWork],
        known: _Known,
    ) -> None:
        self.session, self.order, self.lines, self.known = session, order, lines, known
        self.states_before = {line_no: line.state for line_no, line in self.lines.items()}
        self.by_id = {
            row.id: (row, line)
            for line in self.lines.values()
            for row in (*line.work_orders.values(), *line.withdrawn)
        }
        self.effects: list[_Effect] = []
        self.taken: list[CompletionReport] = []
        self.accepted = {
            row.id: kept
            for row, _ in self.by_id.values()
            for kept in known.get(row.id, {}).values()
            if kept.key == row.report_key
        }

    def answer(self, report: WorkOrderReport) -> ReportAnswer:
        mine = self.known.setdefault(report.work_order_id, {})
        if earlier := mine.get(report.report_id):
            return self._answer_again(earlier, report)
        row, line = self.by_id.get(report.work_order_id, (None, None))
        verdict = self._judge(report, row)
        answer = ANSWERS[verdict]
        if verdict is Verdict.CORRECTED and row and line:
            verdict, answer = self._correction(report, row, line)
        kept = self._keep(report, verdict, answer)
        mine[report.report_id] = kept
        if row and row.withdrawn_at and (kept.verdict, kept.result) == DONE_AFTER_ALL:
            undoing.warn(self.session, row)
        if row and line and Verdict(kept.verdict).has_effect:
            self._apply(report, kept, row, line)
        return _answer(kept)

    def _answer_again(self, earlier: CompletionReport, report: WorkOrderReport) -> ReportAnswer:
        """The same answer to the same report; one that now says otherwise is kept beside it."""
        if earlier.result == report.result:
            return _answer(earlier)
        problem = Problem(
            "report_id", Said("said {result} before", result=earlier.result), "use a new report_id"
        )
        agent = self.order.agent if self.order else None
        about = {"agent": agent, "order_no": earlier.order_no}
        _keep_message(self.session, report, MessageOutcome.CONFLICT, problem, **about)
        return ReportAnswer(
            work_order_id=report.work_order_id,
            report_id=report.report_id,
            verdict=Verdict.CONTRADICTING,
            message=f"report {report.report_id!r} {problem.problem}; {problem.cure}",
        )

    def _judge(self, report: WorkOrderReport, row: WorkOrder | None) -> Verdict:
        state = WorkOrderState(row.state) if row else None
        accepted = self.accepted.get(report.work_order_id)
        corrects = bool(accepted and accepted.report_id == report.corrects)
        corrects = corrects and row is not None and row.withdrawn_at is None
        return judge(state, report.result, corrects_accepted=corrects)

    def _correction(
        self, report: WorkOrderReport, row: WorkOrder, line: LineWork
    ) -> tuple[Verdict, str]:
        """What becomes of a correction, which may come too late."""
        lets_go_on = report.result is Result.COMPLETED and row.undoes is None
        if erasing.is_erased(self.session, row.order_no):
            return Verdict.CONTRADICTING, ERASED
        if lets_go_on and undoing.has_begun(line):
            return Verdict.CONTRADICTING, BEING_UNDONE
        return Verdict.CORRECTED, ANSWERS[Verdict.CORRECTED]

    def _keep(self, report: WorkOrderReport, verdict: Verdict, answer: str) -> CompletionReport:
        kept = CompletionReport(
            **report.model_dump(),
            order_no=self.order.order_no if self.order else None,
            verdict=verdict,
            answer=answer.format(result=report.result),
            received_at=now(),
        )
        self.taken.append(kept)
        return kept

    def _apply(
        self, report: WorkOrderReport, kept: CompletionReport, row: WorkOrder, line: LineWork
    ) -> None:
        if kept.verdict == Verdict.CORRECTED:
            reopening.open_next_version(self.session, self._known_order)
            if row.undoes is None and not undoing.has_begun(line):
                undoing.withdraw(line)
            line.become(reopen(line.states, line.depends_on, [row.name]))
        line.end(row.name, report.result.state, code=report.code, text=report.text)
        self.accepted[row.id] = kept
        self.effects.append(_Effect(row, kept, self._known_order.version))

    def in_order(self) -> Sequence[CompletionReport]:
        """What was taken, in the order in which every bulk stores it."""
        return self.taken if self.order else sorted(self.taken, key=_report_key)

    def roll_up(self) -> None:
        """Give the lines the states that the reports make."""
        order_no = self._known_order.order_no
        undoing.take_back(self.session, order_no, self.lines)
        work_orders.roll_up(self.session, order_no, self._changed())

    def news(self) -> News:
        """What is to be told of what the reports ended."""
        return News(self._known_order, [each.event(self._known_order) for each in self.effects])

    def go_on(self) -> None:
        """Note the lines that have ended; if nothing is open any more, wake the order."""
        order = self._known_order
        line_ends.note(self.session, order, self._ended())
        if not self._is_any_open(order):
            runs.wake(runs.run_of(self.session, order.order_no, order.version, lock=True))

    @property
    def _known_order(self) -> ServiceOrder:
        assert self.order is not None  # a report on what does not exist has no effect
        return self.order

    def _changed(self) -> dict[int, LineWork]:
        """The lines to which the reports gave another state."""
        lines = self.lines.items()
        return {no: line for no, line in lines if line.state != self.states_before[no]}

    def _is_any_open(self, order: ServiceOrder) -> bool:
        """Whether some work order has no result yet; of the lines at hand nobody is asked."""
        if any(not line.state.is_final for line in self.lines.values()):
            return True
        is_whole = len(self.lines) == order.line_count
        return not is_whole and work_orders.any_open(self.session, order.order_no)

    def _ended(self) -> dict[int, EndedLine]:
        """The lines that the reports ended; a correction ends its line once more."""
        touched = sorted({each.row.line_no for each in self.effects})
        ended = {line_no: line_ends.ended_by_work(self.lines[line_no]) for line_no in touched}
        return {line_no: line for line_no, line in ended.items() if line}


@dataclass(frozen=True)
class _Effect:
    """That a report ended a work order of a version."""

    row: WorkOrder
    kept: CompletionReport
    version: int

    def event(self, order: ServiceOrder) -> NewEvent:
        return NewEvent(
            type=f"work-order.{self.kept.result}",
            version=self.version,
            line_no=self.row.line_no,
            n=self.kept.key or 0,
            data={
                **pushes.known_by(order),
                "work_order_id": self.row.id,
                "name": self.row.name,
                "line_no": self.row.line_no,
                "result": self.kept.result,
                "code": self.kept.code,
                "text": self.kept.text,
                "reporter": self.kept.reporter,
                **({"undoes": self.row.undoes} if self.row.undoes else {}),
            },
        )


def _known(session: Session, reports: Sequence[WorkOrderReport]) -> _Known:
    known: _Known = defaultdict(dict)
    for some in chunks(sorted({each.work_order_id for each in reports})):
        query = select(CompletionReport).where(col(CompletionReport.work_order_id).in_(some))
        for row in session.exec(query):
            known[row.work_order_id][row.report_id] = row
    return known


def _work(
    session: Session,
    locked: Mapping[str, ServiceOrder],
    by_order: Mapping[str | None, Sequence[WorkOrderReport]],
) -> Mapping[str | None, Mapping[int, LineWork]]:
    """The lines that are reported on, with all of their work orders; small orders in one go."""
    touched = {
        order_no: {int(each.work_order_id.split("-")[-2]) for each in by_order[order_no]}
        for order_no in locked
    }
    small = [no for no, order in locked.items() if order.line_count <= FEW_LINES]
    whole = work_orders.orders_work(session, small)
    found: dict[str | None, Mapping[int, LineWork]] = defaultdict(dict)
    for order_no, line_nos in touched.items():
        if order_no in whole:
            found[order_no] = {no: whole[order_no][no] for no in line_nos & whole[order_no].keys()}
        else:
            found[order_no] = work_orders.lines_work(session, order_no, line_nos)
    return found


def _store(session: Session, groups: Sequence["_OrderReports"]) -> None:
    """Store the reports, and their keys with the work orders that they ended.

    Those on unknown work orders come first: of two bulks with the same ones neither waits for
    the other while it is waited for.
    """
    taken = [kept for group in groups for kept in group.in_order()]
    kind = insert(CompletionReport).returning(
        col(CompletionReport.key), sort_by_parameter_order=True
    )
    with session.no_autoflush:  # work orders are stored once, with their reports' keys
        for some in chunks(taken):
            keys = session.execute(kind, [kept.model_dump(exclude={"key"}) for kept in some])
            for kept, key in zip(some, keys.scalars(), strict=True):
                kept.key = key
    for group in groups:
        for each in group.effects:
            each.row.report_key = each.kept.key


def _close(session: Session, groups: Sequence["_OrderReports"]) -> None:
    """Store what the reports on each order changed, tell of it, and wake whoever can go on."""
    for group in groups:
        group.roll_up()
    pushes.add_news(session, [group.news() for group in groups])
    for group in groups:
        group.go_on()


def _report_key(kept: CompletionReport) -> tuple[str, str]:
    """Two bulks with the same reports on unknown work orders store them in the same order."""
    return kept.work_order_id, kept.report_id


def _answer(kept: CompletionReport) -> ReportAnswer:
    return ReportAnswer(
        work_order_id=kept.work_order_id,
        report_id=kept.report_id,
        verdict=kept.verdict,
        message=kept.answer,
    )
