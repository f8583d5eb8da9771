"""Step 2: the message becomes an order and its lines, the interface tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.catalog import catalogue
from ordercast.contracts.service_order import ServiceOrderItem
from ordercast.domain.catalog import Catalogue
from ordercast.domain.order import OrderState, Stage
from ordercast.intake.kept import kept_order
from ordercast.store import inbox, line_ends, orders, subjects
from ordercast.store.line_ends import EndedLine
from ordercast.store.runs import Lease, Work, working
from tasks.step import life_step


@life_step(
    name="decompose",
    cure="Mend the catalogue, or the rows that stand where the order's lines belong",
)
def decompose(lease: Lease) -> bool:
    """Write the lines of the order; those that the catalogue refuses are rejected."""
    with working(lease) as work:
        if work.has_reached(Stage.DECOMPOSED):
            return True
        items = _items(work)
        known = catalogue()
        rows = [_row(work, item, line_no, known) for line_no, item in enumerate(items, start=1)]
        orders.add_lines(work.session, rows)
        subjects.add(work.session, work.order.order_no, _characteristics(items))
        work.order.line_count = len(rows)
        line_ends.note(work.session, work.order, dict(_ended(rows)))
        work.reach(Stage.DECOMPOSED)
    return True


def _ended(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, EndedLine]]:
    """The lines that have ended before any work on them."""
    for row in rows:
        if row["problems"]:
            yield row["line_no"], line_ends.ended_by_refusal(row["problems"])
        elif OrderState(row["state"]).is_final:
            yield row["line_no"], EndedLine(OrderState(row["state"]))


def _items(work: Work) -> list[ServiceOrderItem]:
    return kept_order(inbox.message(work.session, work.order.message_id)).order.lines


def _characteristics(items: Sequence[ServiceOrderItem]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Those of each line, as they came."""
    for line_no, item in enumerate(items, start=1):
        yield line_no, item.service.characteristics


def _row(work: Work, item: ServiceOrderItem, line_no: int, known: Catalogue) -> dict[str, Any]:
    service = item.service
    product = known.product(service.product)
    problems = known.problems_with(
        service.product, item.action, service.characteristics, service.commands
    )
    return {
        "order_no": work.order.order_no,
        "line_no": line_no,
        "item_id": item.id,
        "action": item.action,
        "product": product.key if product else service.product,
        "state": _state(work, rejected=bool(problems)),
        "document": known.mask(
            item.model_dump(
                mode="json", by_alias=True, exclude_unset=True, exclude={"service_order_item"}
            )
        ),
        "problems": [problem.as_dict() for problem in problems],
    }


def _state(work: Work, *, rejected: bool) -> OrderState:
    if rejected:
        return OrderState.REJECTED
    return OrderState.CANCELLED if work.order.cancel_requested_at else OrderState.ACKNOWLEDGED
