"""A segment: one uninterrupted stretch of a run, with the right to work on its order."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from uuid import UUID, uuid4

from prefect import suspend_flow_run
from prefect.exceptions import Abort
from prefect.runtime import flow_run
from sqlalchemy.exc import SQLAlchemyError

from flows.artifact import publish_artifact
from ordercast.domain.errors import LeaseLost, TransientFault
from ordercast.store import beats, runs
from ordercast.store.engine import DATABASE_AWAY
from ordercast.store.runs import Lease

log = logging.getLogger("ordercast.segment")

BEAT_SECONDS = 5


@contextmanager
def segment(order_no: str, version: int) -> Iterator[Lease]:
    """Work on a version of an order; gives the lease, which says how far it has come.

    A fault that passes parks the order and suspends the run; any other one is noted for the
    operators and fails the run. A segment that has lost its lease stops without a trace; one
    that has lost the database suspends, and the relay finds it when the database is back.
    """
    try:
        lease = runs.take_lease(order_no, version, flow_run_id=_flow_run_id(), worker=_worker())
        with _held(lease):
            yield lease
    except DATABASE_AWAY as fault:
        log.warning("%s: the database is away: %s", order_no, type(fault).__name__)
        _step_aside()


@contextmanager
def _held(lease: Lease) -> Iterator[None]:
    try:
        yield
    except LeaseLost as lost:
        raise Abort(str(lost)) from None
    except TransientFault as fault:
        runs.park(lease, str(fault))
        suspend(lease.order_no)
    except DATABASE_AWAY:
        raise
    except Exception as fault:
        runs.ask_operator(lease, f"{type(fault).__name__}: {fault}")
        raise
    finally:
        with suppress(*DATABASE_AWAY):  # the next segment takes the lease all the same
            runs.release_lease(lease)


def suspend(order_no: str) -> None:
    """Leave the run until the relay resumes it. The database decides whether it waits again."""
    publish_artifact(order_no)
    _step_aside()


def _step_aside() -> None:
    suspend_flow_run(key=str(uuid4()), timeout=None)


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
