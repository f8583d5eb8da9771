"""Accepting: an operator decides that a report which contradicts the standing one is right."""

from sqlmodel import Session, select

from ordercast.contracts.report import ReportAnswer, WorkOrderReport
from ordercast.domain.errors import Conflict, NotFound
from ordercast.domain.report import Verdict
from ordercast.domain.work_order import Result, WorkOrderState
from ordercast.store import orders, reports, work_orders
from ordercast.store.tables import CompletionReport


def accept(session: Session, work_order_id: str, report_id: str, *, key: str) -> ReportAnswer:
    """Let a kept report take the place of the one that stands, as its sender might correct it.

    What it says is kept once more, under the id `key`: the same one again has no second effect.
    Raises NotFound, or Conflict if there is nothing to decide.
    """
    kept = _kept(session, work_order_id, report_id)
    orders.order(session, kept.order_no or "", lock=True)
    standing = standing_against(session, kept)
    repeated = WorkOrderReport(
        work_order_id=work_order_id,
        report_id=key,
        result=Result(kept.result),
        code=kept.code,
        text=kept.text,
        reporter=kept.reporter,
        corrects=standing.report_id,
    )
    return reports.take(session, [repeated])[0]


def acceptable(session: Session, work_order_id: str, report_id: str) -> CompletionReport:
    """The kept report, if an operator may accept it; else NotFound or Conflict."""
    kept = _kept(session, work_order_id, report_id)
    standing_against(session, kept)
    return kept


def standing_against(session: Session, kept: CompletionReport) -> CompletionReport:
    """The report that stands against a kept one; Conflict if there is nothing to decide."""
    if kept.verdict != Verdict.CONTRADICTING:
        raise Conflict("the report is {verdict}: there is nothing to accept", verdict=kept.verdict)
    work_order = work_orders.work_order(session, kept.work_order_id)
    state = WorkOrderState(work_order.state)
    if state.is_open:
        raise Conflict("{id} is open again: report its result instead", id=work_order.id)
    if state is Result(kept.result).state:
        raise Conflict("{id} is {state} already, as the report says", id=work_order.id, state=state)
    standing = (
        session.get(CompletionReport, work_order.report_key) if work_order.report_key else None
    )
    if standing is None:
        raise Conflict(
            "{id} is {state} without a report that could be replaced", id=work_order.id, state=state
        )
    return standing


def _kept(session: Session, work_order_id: str, report_id: str) -> CompletionReport:
    found = session.exec(
        select(CompletionReport).where(
            CompletionReport.work_order_id == work_order_id,
            CompletionReport.report_id == report_id,
        )
    ).first()
    if found is None:
        raise NotFound("report", report_id)
    return found
