"""Recover: lost, stuck, cancelled and deleted runs are found, and each gets its remedy."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from config.settings import settings
from ordercast.delivery import breaker
from ordercast.domain.errors import Conflict
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.services.relay.remedies import MOST_RECOVERIES, FlowRunState, Remedy, remedy_for
from ordercast.store import beats, cancelling, claims, relaying, subscriber_health, subscribers
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.tables import OrderRun

log = logging.getLogger("ordercast.relay")

SLICE = 1000
"""Runs in flight that one round compares with Prefect; the next round goes on behind them."""

FIRST_LOOK_BACK = timedelta(days=7)
OVERLAP = timedelta(minutes=1)
FIRST = ("", 0)

BRINGS_WORKERS_DOWN = (
    "See in the logs of workers and machine why they end (memory?), then retry. At this step the"
    f" order has brought its worker down {MOST_RECOVERIES} times, or it was killed as often."
)
"""What the operators read, in Prefect and in the alert, of a run that is given up."""


class Recovery:
    """Looks after the orders in flight, round by round."""

    def __init__(self) -> None:
        self._after = FIRST
        self._looked_at = now() - FIRST_LOOK_BACK

    def round(self, api: PrefectApi) -> bool:
        """Find the runs that something is wrong with, and cure them."""
        began = now()
        claims.wake_overlooked(database())
        subscribers.withdraw_from_deleted(database())
        self._watch_subscribers()
        subscribers.erase_old_secrets(database())
        orphans = self._orphans()
        suspects = {**self._ended_in_prefect(api), **self._next_slice(), **orphans}
        states = api.states([run.flow_run_id for run in suspects.values() if run.flow_run_id])
        by_remedy: dict[Remedy, list[OrderRun]] = defaultdict(list)
        for key, run in sorted(suspects.items(), key=_number):
            state = states.get(run.flow_run_id) if run.flow_run_id else None
            by_remedy[_remedy(run, state, is_orphan=key in orphans, at=began)].append(run)
        _cure(api, by_remedy, states)
        self._looked_at = began - OVERLAP
        beats.forget_old()
        return False

    def _watch_subscribers(self) -> None:
        after = timedelta(hours=settings().relay.disable_after_hours)
        with database().write() as session:
            subscriber_health.watch(session, at=now(), disable_after=after, failing=breaker.FAILING)

    def _orphans(self) -> dict[str, OrderRun]:
        with database().read() as session:
            silent = settings().relay.zombie_seconds
            return _by_key(relaying.orphans(session, silent_seconds=silent, limit=SLICE))

    def _ended_in_prefect(self, api: PrefectApi) -> dict[str, OrderRun]:
        ended = list(api.ended_since(self._looked_at))
        with database().read() as session:
            return _by_key(relaying.in_flight_of(session, ended))

    def _next_slice(self) -> dict[str, OrderRun]:
        with database().read() as session:
            found = relaying.in_flight_after(session, self._after, limit=SLICE)
        last = found[-1] if len(found) == SLICE else None
        self._after = (last.order_no, last.version) if last else FIRST
        return _by_key(found)


def _cure(
    api: PrefectApi,
    by_remedy: Mapping[Remedy, list[OrderRun]],
    states: Mapping[UUID, FlowRunState],
) -> None:
    for remedy, runs in by_remedy.items():
        match remedy:
            case Remedy.NONE:
                pass
            case Remedy.LAUNCH_AGAIN:
                _launch_again(runs)
            case Remedy.SCHEDULE_AGAIN:
                _schedule_again(api, runs)
            case Remedy.CANCEL:
                _cancel(runs)
                _schedule_again(api, runs)
            case Remedy.GIVE_UP:
                _give_up(api, runs)
            case Remedy.ASK_OPERATOR:
                _note_failures(runs, states)
            case _:
                assert_never(remedy)


def _launch_again(runs: Sequence[OrderRun]) -> None:
    with database().write() as session:
        for run in runs:
            log.warning("%s: %s", _key(run), Remedy.LAUNCH_AGAIN)
            relaying.launch_again(session, run)


def _schedule_again(api: PrefectApi, runs: Sequence[OrderRun]) -> None:
    api.schedule(_take(runs, Remedy.SCHEDULE_AGAIN), "AwaitingRetry")


def _give_up(api: PrefectApi, runs: Sequence[OrderRun]) -> None:
    """The runs fail, so that they can be found and retried, which the next round notes."""
    api.fail(_take(runs, Remedy.GIVE_UP), BRINGS_WORKERS_DOWN)


def _take(runs: Sequence[OrderRun], remedy: Remedy) -> list[UUID]:
    """The flow runs of those that no other relay mends, and that nobody holds any more."""
    with database().write() as session:
        ours = [run for run in runs if relaying.take_for_recovery(session, run)]
    for run in ours:
        log.warning("%s: %s", _key(run), remedy)
    return [run.flow_run_id for run in ours if run.flow_run_id]


def _cancel(runs: Sequence[OrderRun]) -> None:
    for run in runs:
        try:
            with database().write() as session:
                cancelling.cancel(session, run.order_no)
        except Conflict:
            log.info("%s was sealed before it was cancelled: it stands", _key(run))


def _note_failures(runs: Sequence[OrderRun], states: Mapping[UUID, FlowRunState]) -> None:
    with database().write() as session:
        for run in runs:
            state = states[run.flow_run_id] if run.flow_run_id else None
            reason = (state.message or state.name) if state else "failed"
            relaying.note_failure(session, run, reason)


def _key(run: OrderRun) -> str:
    return f"{run.order_no}:{run.version}"


def _number(suspect: tuple[str, OrderRun]) -> tuple[str, int]:
    return suspect[1].order_no, suspect[1].version


def _by_key(runs: Iterable[OrderRun]) -> dict[str, OrderRun]:
    return {_key(run): run for run in runs}


def _remedy(run: OrderRun, state: FlowRunState | None, *, is_orphan: bool, at: datetime) -> Remedy:
    return remedy_for(
        state,
        is_waiting=run.waiting_for is not None,
        is_held=run.token is not None,
        is_orphan=is_orphan,
        is_sealed=relaying.is_sealed(run),
        recoveries=run.recoveries,
        stuck_after=timedelta(seconds=settings().relay.stuck_seconds),
        now=at,
    )
