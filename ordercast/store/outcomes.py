"""Sealing an order: the outcome of a version is frozen, and all that follows reads only that."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from config.tags import tag_rules
from ordercast.contracts.outcome import (
    Outcome,
    OutcomeFailure,
    OutcomeLine,
    OutcomeWorkOrder,
)
from ordercast.domain.classify import Classification, classify
from ordercast.domain.errors import NotFound
from ordercast.domain.order import OrderState, Stage
from ordercast.domain.rollup import order_state
from ordercast.domain.work_order import WorkOrderState
from ordercast.store import claims, orders, work_orders
from ordercast.store.clock import now
from ordercast.store.evidence import evidence
from ordercast.store.facts import characteristics, facts
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
        )
    )
    claims.release(session, order.order_no)
    work.reach(Stage.SEALED)


def sealed(
    session: Session, order_no: str, version: int, *, with_evidence: bool = False
) -> OrderOutcome:
    """The frozen outcome of a version; NotFound while there is none.

    Of `summary` and `evidence`, which may be large, one is read and the other left out.
    """
    left_out = OrderOutcome.summary if with_evidence else OrderOutcome.evidence
    found = session.get(
        OrderOutcome, (order_no, version), options=[defer(cast(Any, left_out), raiseload=True)]
    )
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
    failures = _failures(session, order.order_no)
    commands = _commands(session, lines)
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
        lines=[_line(line, failures[line.line_no], commands[line.line_no]) for line in lines],
    )


def _line(
    line: OrderLine, failures: list[OutcomeFailure], commands: list[OutcomeWorkOrder]
) -> OutcomeLine:
    refused = [
        OutcomeFailure(text=f"{each['field']}: {each['problem']}; {each['cure']}")
        for each in line.problems
    ]
    return OutcomeLine(
        line_no=line.line_no,
        item_id=line.item_id,
        product=line.product,
        action=line.action,
        state=line.state,
        characteristics=characteristics(line),
        failures=refused + failures,
        work_orders=commands,
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


def _failures(session: Session, order_no: str) -> dict[int, list[OutcomeFailure]]:
    failures: dict[int, list[OutcomeFailure]] = defaultdict(list)
    query = select(WorkOrder).where(
        WorkOrder.order_no == order_no, WorkOrder.state == WorkOrderState.FAILED
    )
    for row in session.exec(query.order_by(col(WorkOrder.line_no), WorkOrder.id)):
        text = row.text or "no text given"
        failures[row.line_no].append(OutcomeFailure(work_order=row.name, code=row.code, text=text))
    return failures
