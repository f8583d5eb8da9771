"""Sealing an order: the outcome of a version is frozen, and all that follows reads only that."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from config.settings import settings
from config.tags import tag_rules
from ordercast.contracts.outcome import (
    Outcome,
    OutcomeFailure,
    OutcomeLine,
    OutcomeUndo,
    OutcomeWorkOrder,
)
from ordercast.domain.classify import Classification, classify
from ordercast.domain.errors import NotFound
from ordercast.domain.order import OrderState, Stage
from ordercast.domain.rollup import order_state
from ordercast.domain.undoing import COME_TO_NOTHING
from ordercast.domain.work_order import WorkOrderState
from ordercast.store import claims, line_ends, orders, telling_lines, work_orders
from ordercast.store.clock import now
from ordercast.store.evidence import IN_PLACE, evidence
from ordercast.store.facts import characteristics, facts
from ordercast.store.results import manifest
from ordercast.store.runs import Work
from ordercast.store.tables import OrderLine, OrderOutcome, ServiceOrder, WorkOrder

COMMANDS = "supportingService"
"""Where the document of a line has the commands of its message."""


def seal(work: Work) -> None:
    """Freeze the outcome of the version that the segment works on, in its transaction.

    The order gets its final state and its tags, and gives up what it had claimed.
    """
    session, order = work.session, work.order
    order.ended_at = sealed_at = now()
    with session.no_autoflush:  # the order is stored once
        outcome = _end(session, order)
    session.add(
        OrderOutcome(
            order_no=order.order_no,
            version=order.version,
            state=outcome["state"],
            sealed_at=sealed_at,
            primary_tag=outcome["primary_tag"],
            tags=outcome["tags"],
            summary=outcome,
            evidence=evidence(session, order, outcome),
            results=_results(outcome["lines"]),
        )
    )
    telling_lines.tell_rest(session, order, tags=outcome["tags"])
    claims.release(session, order.order_no)
    work.reach(Stage.SEALED)


def _results(lines: Sequence[Any]) -> bytes | None:
    """The result manifest, where there are more lines than a push tells of.

    It is made here and kept with the outcome, so that what is archived and what is told are
    the same bytes, whoever archives it and however often.
    """
    return manifest(lines) if len(lines) > settings().archive.results_above_lines else None


def sealed(
    session: Session, order_no: str, version: int, *, with_evidence: bool = False
) -> OrderOutcome:
    """The frozen outcome of a version; NotFound while there is none.

    Of `summary`, and of `evidence` with `results`, which may be large, one is read and the
    other left out.
    """
    for_archive = (OrderOutcome.evidence, OrderOutcome.results)
    left_out = [OrderOutcome.summary] if with_evidence else for_archive
    options = [defer(cast(Any, each), raiseload=True) for each in left_out]
    found = session.get(OrderOutcome, (order_no, version), options=options)
    if found is None:
        raise NotFound("sealed outcome", f"{order_no}:{version}")
    return found


def _end(session: Session, order: ServiceOrder) -> dict[str, Any]:
    """Give an order its final state and tag; its outcome, as plain data.

    The rows of its lines are let go before the evidence is written.
    """
    lines = orders.lines(session, order.order_no)
    order.state = order_state(OrderState(line.state) for line in lines)
    found = classify(facts(order, lines), tag_rules().rules, tag_rules().default)
    order.primary_tag = found.primary
    return _outcome(session, order, lines, found).model_dump(mode="json")


def _outcome(
    session: Session, order: ServiceOrder, lines: Sequence[OrderLine], found: Classification
) -> Outcome:
    assert order.ended_at
    failures = _failures(session, lines)
    commands, undo = _commands(session, lines), _undo(session, lines)
    return Outcome(
        order_no=order.order_no,
        version=order.version,
        state=order.state,
        agent=order.agent,
        external_id=order.external_id,
        title=order.title,
        category=order.category,
        priority=order.priority,
        products=order.products,
        primary_tag=found.primary,
        tags=list(found.tags),
        ordered_at=order.ordered_at,
        sealed_at=order.ended_at,
        counts=dict(Counter(line.state for line in lines)),
        lines=[
            _line(line, failures[line.line_no], commands[line.line_no], undo[line.line_no])
            for line in lines
        ],
    )


def _line(
    line: OrderLine,
    failures: list[OutcomeFailure],
    commands: list[OutcomeWorkOrder],
    undo: list[OutcomeUndo],
) -> OutcomeLine:
    refusal = line_ends.ended_by_refusal(line.problems)
    refused = [OutcomeFailure.model_validate(each) for each in refusal.failures]
    return OutcomeLine(
        line_no=line.line_no,
        item_id=line.item_id,
        product=line.product,
        action=line.action,
        state=line.state,
        characteristics=characteristics(line),
        failures=refused + failures,
        work_orders=commands,
        undo=undo,
    )


def _commands(session: Session, lines: Sequence[OrderLine]) -> dict[int, list[OutcomeWorkOrder]]:
    """The work orders of the lines whose message named commands."""
    commands: dict[int, list[OutcomeWorkOrder]] = defaultdict(list)
    named = {line.line_no for line in lines if line.document.get("service", {}).get(COMMANDS)}
    if named:
        for row in work_orders.of_order(session, lines[0].order_no):
            if row.line_no in named:
                commands[row.line_no].append(OutcomeWorkOrder.model_validate(row.model_dump()))
    return commands


def _undo(session: Session, lines: Sequence[OrderLine]) -> dict[int, list[OutcomeUndo]]:
    """What was undone of the lines that came to nothing, and what could not be."""
    undo: dict[int, list[OutcomeUndo]] = defaultdict(list)
    if not any(line.state in COME_TO_NOTHING for line in lines):
        return undo
    query = select(WorkOrder).where(
        WorkOrder.order_no == lines[0].order_no,
        col(WorkOrder.undoes).is_not(None),
        col(WorkOrder.withdrawn_at).is_(None),
    )
    for row in session.exec(query.order_by(*IN_PLACE)):
        undo[row.line_no].append(
            OutcomeUndo.model_validate({**row.model_dump(), "work_order": row.name})
        )
    return undo


def _failures(session: Session, lines: Sequence[OrderLine]) -> dict[int, list[OutcomeFailure]]:
    failures: dict[int, list[OutcomeFailure]] = defaultdict(list)
    if all(line.state == OrderState.COMPLETED for line in lines):
        return failures
    query = select(WorkOrder).where(
        WorkOrder.order_no == lines[0].order_no,
        WorkOrder.state == WorkOrderState.FAILED,
        col(WorkOrder.withdrawn_at).is_(None),
    )
    for row in session.exec(query.order_by(col(WorkOrder.line_no), WorkOrder.id)):
        text = row.text or "no text given"
        failures[row.line_no].append(OutcomeFailure(work_order=row.name, code=row.code, text=text))
    return failures
