"""Step 3: by the catalogue's policy, each line becomes work orders."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from config.catalog import catalogue
from ordercast.contracts.service_order import ServiceRef
from ordercast.domain.catalog import ActionPolicy
from ordercast.domain.commands import faults_of
from ordercast.domain.errors import PermanentFault
from ordercast.domain.order import ItemAction, OrderState, Stage
from ordercast.domain.work_order import WorkOrderState, settle
from ordercast.store import claims, forecasts, line_ends, orders, work_orders
from ordercast.store.clock import now
from ordercast.store.facts import BATCH_LINES
from ordercast.store.line_ends import EndedLine
from ordercast.store.runs import Lease, WaitingFor, Work, wait, working
from ordercast.store.tables import OrderLine
from tasks.step import life_step


@life_step(
    name="generate-work-orders",
    cure="Mend the catalogue, or the rows that stand where its work orders belong",
)
def generate_work_orders(lease: Lease) -> bool:
    """Generate the work orders of the lines, unless another order works on the same number."""
    with working(lease) as work:
        if work.has_reached(Stage.GENERATED):
            return True
        lines = orders.lines(work.session, work.order.order_no)
        if _is_held(work, lines):
            return False
        if len(lines) < BATCH_LINES:
            _generate(work, lines)
            return True
    with working(lease) as work:  # by itself: who claims a number waits for the end of its claim
        _generate(work, orders.lines(work.session, work.order.order_no))
    return True


def _generate(work: Work, lines: Sequence[OrderLine]) -> None:
    """Write the work orders of the lines that have not ended."""
    lines = [line for line in lines if not OrderState(line.state).is_final]
    at = now()
    policies = [_policy(line) for line in lines]
    made = zip(lines, policies, strict=True)
    rows = [row for each in made for row in _rows(*each, at)]
    work_orders.add(work.session, rows)
    if rows:
        expected_at = max(row["due_at"] for row in rows)
        forecasts.promise(work.session, work.order, expected_at=expected_at, at=at)
    for line, policy in zip(lines, policies, strict=True):
        has_work = bool(policy.work_orders)
        line.state = OrderState.IN_PROGRESS if has_work else OrderState.COMPLETED
    done = [line.line_no for line in lines if line.state == OrderState.COMPLETED]
    line_ends.note(work.session, work.order, dict.fromkeys(done, EndedLine(OrderState.COMPLETED)))
    work.order.state = OrderState.IN_PROGRESS
    work.reach(Stage.GENERATED)


def _is_held(work: Work, lines: Sequence[OrderLine]) -> bool:
    """Whether the order, which claims what its lines need, has to wait for another one."""
    session, order_no = work.session, work.order.order_no
    if work.order.cancel_requested_at:
        return False
    other = claims.claim(session, order_no, claims.resources(lines))
    if other is None:
        return False
    work.order.state = OrderState.HELD
    reason = f"{other.order_no} works on {other.resource}"
    wait(work.run, WaitingFor.EXCLUSIVE, reason, until=None)
    return True


def _policy(line: OrderLine) -> ActionPolicy:
    policy = catalogue().policy(line.product, ItemAction(line.action))
    assert policy is not None  # decompose has rejected what the catalogue does not offer
    if policy.message_work is None:
        return policy
    commands = ServiceRef.model_validate(line.document["service"]).commands
    fault = next(faults_of(commands), None)
    if fault:  # the catalogue has changed since decompose looked
        raise PermanentFault(f"line {line.line_no}: its commands: {fault.problem}; {fault.cure}")
    return policy.for_line(commands)


def _rows(line: OrderLine, policy: ActionPolicy, at: datetime) -> Iterator[dict[str, Any]]:
    pending = dict.fromkeys(policy.work_orders, WorkOrderState.PENDING)
    states = settle(pending, policy.depends_on)
    for position, (name, kind) in enumerate(policy.work_orders.items(), start=1):
        yield {
            "id": work_orders.work_order_id(line.order_no, line.line_no, position),
            "order_no": line.order_no,
            "line_no": line.line_no,
            "name": name,
            "team": kind.team,
            "system": kind.system,
            "state": states[name],
            "depends_on": list(kind.after),
            "parameters": dict(kind.parameters),
            "due_at": at + policy.due_after[name],
            "created_at": at,
            "service_seconds": int(kind.service_time.total_seconds()),
        }
