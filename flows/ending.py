"""How a run ends: Prefect's type for the dashboards, and a name that says what to do."""

from typing import assert_never

from prefect import State
from prefect.context import get_run_context
from prefect.states import Cancelled, Completed, Failed

from ordercast.domain.order import OrderState
from ordercast.store.engine import database
from ordercast.store.outcomes import sealed
from ordercast.store.runs import Lease
from ordercast.store.tables import OrderOutcome

BUSINESS_OUTCOME = "Retrying changes nothing: {cure}."
REOPEN = "reopen the failed work orders (ordercast orders reopen {order_no})"
RESEND = "mend the order and send it again"


def ending(lease: Lease) -> State:
    """The terminal state of a run whose order has been told to everyone."""
    with database().read() as session:
        outcome = sealed(session, lease.order_no, lease.version)
    if outcome.state != OrderState.COMPLETED:  # that it completed, Prefect's own state says
        _tag_run(f"outcome:{outcome.state}")
    return terminal_state(outcome)


def terminal_state(outcome: OrderOutcome) -> State:
    """The state that shows an outcome in the Prefect UI."""
    counts = ", ".join(f"{n} {state}" for state, n in outcome.summary["counts"].items())
    text = f"{outcome.order_no} version {outcome.version}: lines {counts}."
    reopen = BUSINESS_OUTCOME.format(cure=REOPEN.format(order_no=outcome.order_no))
    state = OrderState(outcome.state)
    match state:
        case OrderState.COMPLETED:
            return Completed(message=text)
        case OrderState.CANCELLED:
            return Cancelled(message=text)
        case OrderState.PARTIAL:
            return Failed(name="Partial", message=f"{text} {reopen}")
        case OrderState.FAILED:
            return Failed(name="OrderFailed", message=f"{text} {reopen}")
        case OrderState.REJECTED:
            resend = BUSINESS_OUTCOME.format(cure=RESEND)
            return Failed(name="Rejected", message=f"{text} {resend}")
        case (
            OrderState.ACKNOWLEDGED
            | OrderState.PENDING
            | OrderState.HELD
            | OrderState.IN_PROGRESS
            | OrderState.ASSESSING_CANCELLATION
            | OrderState.PENDING_CANCELLATION
        ):
            raise ValueError(f"{outcome.order_no} was sealed {state}, which is no outcome")
        case _:
            assert_never(state)


def _tag_run(tag: str) -> None:
    context = get_run_context()
    run = getattr(context, "flow_run", None)
    client = getattr(context, "client", None)
    if run is not None and client is not None and tag not in run.tags:
        client.update_flow_run(run.id, tags=[*run.tags, tag])
