"""Retries: parked orders and failed runs are tried again, many in one transaction and one call."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import Session

from ordercast.domain.errors import NotFound
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.store import orders
from ordercast.store.commands import CommandState
from ordercast.store.engine import database
from ordercast.store.runs import WaitingFor, run_of, wake
from ordercast.store.tables import OrderCommand, ServiceOrder

Answer = tuple[CommandState, str]

WOKEN: Answer = (CommandState.DONE, "the parked order is tried now")
TRIED: Answer = (CommandState.DONE, "the failed run is tried again")


def retry_all(asked: Sequence[OrderCommand], api: PrefectApi) -> Mapping[str, Answer]:
    """Try the orders of all these commands again; the answer to each, by its id."""
    failed: dict[str, UUID] = {}
    with database().write() as session:
        locked = orders.lock(session, {each.order_no for each in asked})
        by_number = sorted(asked, key=lambda each: (each.order_no, each.asked_at))
        answers = {
            each.id: _retry(session, each.order_no, locked.get(each.order_no), failed)
            for each in by_number
        }
    api.schedule(list(failed.values()), "AwaitingRetry")
    return answers


def _retry(
    session: Session, order_no: str, order: ServiceOrder | None, failed: dict[str, UUID]
) -> Answer:
    """Wake a parked order, or note the flow run of a failed one, which is then scheduled."""
    if order is None:
        return CommandState.TERMINATED_WITH_ERROR, str(NotFound("order", order_no))
    run = run_of(session, order_no, order.version, lock=True)
    if run.waiting_for == WaitingFor.PARKED:
        wake(run)
        return WOKEN
    if run.waiting_for == WaitingFor.OPERATOR and run.flow_run_id:
        failed[order_no] = run.flow_run_id
        run.recoveries = 0
        return TRIED
    refusal = f"{order_no} has not failed technically: nothing to retry"
    return CommandState.TERMINATED_WITH_ERROR, refusal
