"""Command: what people asked of orders is carried out, and answered."""

from collections.abc import Mapping
from typing import assert_never
from uuid import UUID

from config.settings import settings
from ordercast.domain.errors import Conflict, Refused
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.services.relay.retry import Answer, retry_all
from ordercast.store import accepting, cancelling, commands, orders, reopening
from ordercast.store.commands import CommandKind, CommandState
from ordercast.store.engine import database
from ordercast.store.runs import run_of
from ordercast.store.tables import OrderCommand

LIMIT = 50
CANCELLED = "what was open is cancelled"


def command(api: PrefectApi) -> bool:
    """Carry out the commands that are due; retries all together, for there may be thousands."""
    with database().write() as session:
        due = commands.lease_due(session, limit=LIMIT, lease_seconds=settings().relay.lease_seconds)
    retries = [each for each in due if each.kind == CommandKind.RETRY]
    others = [each for each in due if each.kind != CommandKind.RETRY]
    if retries:
        _finish(retry_all(retries, api))
    for each in others:
        _finish({each.id: _answer(each, api)})
    return len(due) == LIMIT


def _finish(answers: Mapping[str, Answer]) -> None:
    with database().write() as session:
        commands.finish_all(session, answers)


def _answer(asked: OrderCommand, api: PrefectApi) -> Answer:
    try:
        return CommandState.DONE, _carry_out(asked, api)
    except Refused as refused:
        return CommandState.TERMINATED_WITH_ERROR, str(refused)


def _carry_out(asked: OrderCommand, api: PrefectApi) -> str:
    kind = CommandKind(asked.kind)
    match kind:
        case CommandKind.CANCEL:
            return _cancel(asked, api)
        case CommandKind.REOPEN:
            return _reopen(asked)
        case CommandKind.RESCHEDULE:
            return _reschedule(asked, api)
        case CommandKind.ACCEPT:
            return _accept(asked)
        case CommandKind.RETRY:
            raise AssertionError("retries are carried out together")
        case _:
            assert_never(kind)


def _cancel(asked: OrderCommand, api: PrefectApi) -> str:
    try:
        with database().write() as session:
            flow_run_id = cancelling.cancel(session, asked.order_no).flow_run_id
    except Conflict:
        with database().read() as session:
            order = orders.order(session, asked.order_no)
        if order.cancel_requested_at is None or order.cancel_requested_at < asked.asked_at:
            raise
        return CANCELLED  # by a try that did not hear of Prefect's answer
    if flow_run_id:
        _start_now_if_idle(api, flow_run_id)
    return CANCELLED


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
