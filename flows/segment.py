"""A segment: one uninterrupted stretch of a run, with the right to work on its order."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import NoReturn
from uuid import UUID, uuid4

from prefect.client.orchestration import get_client
from prefect.exceptions import Abort, Pause
from prefect.runtime import flow_run
from prefect.states import Suspended
from prefect.utilities.engine import propose_state_sync
from sqlalchemy.exc import SQLAlchemyError

from config.prefect_server import SUSPENDED
from flows.waiting import state_name, waits_for
from ordercast.domain.errors import (
    LeaseLost,
    PermanentFault,
    StepFailed,
    TransientFault,
    in_words,
)
from ordercast.store import beats, runs
from ordercast.store.engine import DATABASE_AWAY, database
from ordercast.store.runs import Lease

log = logging.getLogger("ordercast.segment")

BEAT_SECONDS = 5
STILL_AWAY = "Bring back who has been away for so long"


@contextmanager
def segment(order_no: str, version: int) -> Iterator[Lease]:
    """Work on a version of an order; gives the lease, which says how far it has come.

    A fault that passes parks the order and suspends the run; any other one is noted for the
    operators and raised. A segment that has lost its lease stops without a trace; one
    that has lost the database suspends, and the relay finds it when the database is back.
    """
    try:
        lease = runs.take_lease(order_no, version, flow_run_id=_flow_run_id(), worker=_worker())
        with _held(lease):
            yield lease
    except DATABASE_AWAY as fault:
        log.warning("%s: the database is away: %s", order_no, type(fault).__name__)
        _step_aside("Nothing to do: the database was away, and the order goes on when it is back.")


@contextmanager
def _held(lease: Lease) -> Iterator[None]:
    try:
        yield
    except LeaseLost as lost:
        raise Abort(str(lost)) from None
    except TransientFault as fault:
        _park(lease, fault)
    except DATABASE_AWAY:
        raise
    except Exception as fault:
        runs.ask_operator(lease, _reason(fault))
        raise
    finally:
        with suppress(*DATABASE_AWAY):  # the next segment takes the lease all the same
            runs.release_lease(lease)


def _park(lease: Lease, fault: TransientFault) -> NoReturn:
    """Rest the order; after the time that is allowed for that, it is for a person."""
    try:
        runs.park(lease, str(fault))
    except PermanentFault as given_up:
        runs.ask_operator(lease, str(given_up))
        raise StepFailed("trying again", cure=STILL_AWAY, reason=str(given_up)) from fault
    suspend(lease)


def _reason(fault: Exception) -> str:
    """Why the order waits for a person, where there is little room."""
    if isinstance(fault, StepFailed):
        return f"{fault.step} failed: {fault.reason}"
    return in_words(fault)


def suspend(lease: Lease) -> NoReturn:
    """Leave the run until the relay resumes it. The database decides whether it waits again."""
    with database().read() as session:
        run = runs.run_of(session, lease.order_no, lease.version)
    _step_aside(waits_for(run), name=state_name(run))


def _step_aside(why: str, *, name: str = SUSPENDED) -> NoReturn:
    """Suspend the run as Prefect's `suspend_flow_run` does, but with a message.

    Source: Prefect 3.8.8, `prefect.flow_runs`. The key is always a new one: a run that is
    forced back by hand may be suspended again.
    """
    suspended = Suspended(pause_key=str(uuid4()), message=why).model_copy(update={"name": name})
    flow_run_id = _flow_run_id()
    assert flow_run_id is not None  # orders have no other runs than those of a deployment
    with get_client(sync_client=True) as client:
        state = propose_state_sync(client, suspended, flow_run_id=flow_run_id)
    if state.is_paused():
        raise Pause(state=state)
    raise Abort(f"the run is {state.name}: it is not suspended")


def _flow_run_id() -> UUID | None:
    return UUID(flow_run.id) if flow_run.id else None


@cache
def _worker() -> str:
    """The name of this process among the workers; it beats from now on."""
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    threading.Thread(target=_keep_beating, args=(name,), daemon=True).start()
    return name


def _keep_beating(name: str) -> None:
    pause = threading.Event()
    while not pause.wait(BEAT_SECONDS):
        try:
            beats.beat(name)
        except SQLAlchemyError as fault:
            log.warning("the database is away: no beat (%s)", type(fault).__name__)
