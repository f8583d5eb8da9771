"""Command: what people asked of orders is carried out, and answered."""

from typing import assert_never
from uuid import UUID

from config.settings import settings
from ordercast.domain.errors import Conflict, Refused
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.store import accepting, cancelling, commands, orders, reopening
from ordercast.store.commands import CommandKind, CommandState
from ordercast.store.engine import database
from ordercast.store.runs import WaitingFor, run_of, wake
from ordercast.store.tables import OrderCommand

LIMIT = 20


def command(api: PrefectApi) -> bool:
    """Carry out the commands that are due."""
    with database().write() as session:
        due = commands.lease_due(session, limit=LIMIT, lease_seconds=settings().relay.lease_seconds)
    for each in due:
        try:
            state, answer = CommandState.DONE, _carry_out(each, api)
        except Refused as refused:
            state, answer = CommandState.TERMINATED_WITH_ERROR, str(refused)
        with database().write() as session:
            commands.finish(session, each.id, state, answer)
    return len(due) == LIMIT


def _carry_out(asked: OrderCommand, api: PrefectApi) -> str:
    kind = CommandKind(asked.kind)
    match kind:
        case CommandKind.CANCEL:
            return _cancel(asked, api)
        case CommandKind.REOPEN:
            return _reopen(asked)
        case CommandKind.RETRY:
            return _retry(asked, api)
        case CommandKind.RESCHEDULE:
            return _reschedule(asked, api)
        case CommandKind.ACCEPT:
            return _accept(asked)
        case _:
            assert_never(kind)


def _cancel(asked: OrderCommand, api: PrefectApi) -> str:
    with database().write() as session:
        flow_run_id = cancelling.cancel(session, asked.order_no).flow_run_id
    if flow_run_id:
        _start_now_if_idle(api, flow_run_id)
    return "what was open is cancelled"


def _start_now_if_idle(api: PrefectApi, flow_run_id: UUID) -> None:
    """A run that is to start later, or that has failed, goes on at once to tell of the end."""
    state = api.states([flow_run_id]).get(flow_run_id)
    if state and state.type in ("SCHEDULED", "FAILED"):
        api.schedule([flow_run_id], "Scheduled")


def _reopen(asked: OrderCommand) -> str:
    with database().write() as session:
        ids = asked.details.get("work_orders", ())
        count = reopening.reopen_failed(session, asked.order_no, ids)
        answer = f"{count} work orders are open again"
        commands.finish(session, asked.id, CommandState.DONE, answer)  # never done twice
    return answer


def _retry(asked: OrderCommand, api: PrefectApi) -> str:
    with database().write() as session:
        order = orders.order(session, asked.order_no, lock=True)
        run = run_of(session, asked.order_no, order.version, lock=True)
        waiting_for, flow_run_id = run.waiting_for, run.flow_run_id
        if waiting_for == WaitingFor.PARKED:
            wake(run)
            return "the parked order is tried now"
        if waiting_for != WaitingFor.OPERATOR or flow_run_id is None:
            raise Conflict(f"{asked.order_no} has not failed technically: nothing to retry")
    api.schedule([flow_run_id], "AwaitingRetry")
    return "the failed run is tried again"


def _reschedule(asked: OrderCommand, api: PrefectApi) -> str:
    with database().read() as session:
        order = orders.order(session, asked.order_no)
        run = run_of(session, asked.order_no, order.version)
    if run.flow_run_id is None:
        return f"it will start at {run.start_at:%Y-%m-%d %H:%M} UTC"
    state = api.states([run.flow_run_id]).get(run.flow_run_id)
    if state is None or state.type != "SCHEDULED":
        raise Conflict(f"{asked.order_no} has started")
    api.schedule([run.flow_run_id], "Scheduled", run.start_at)
    return f"it starts at {run.start_at:%Y-%m-%d %H:%M} UTC"


def _accept(asked: OrderCommand) -> str:
    work_order_id, report_id = asked.details["work_order"], asked.details["report"]
    with database().write() as session:
        answer = accepting.accept(session, work_order_id, report_id, key=asked.id)
        commands.finish(session, asked.id, CommandState.DONE, answer.message)  # never done twice
    return answer.message
