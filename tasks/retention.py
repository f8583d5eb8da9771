"""Retention: what has been kept long enough goes, in short transactions; or is only counted."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlmodel import Session

from config.settings import settings
from ordercast.store import dropping, erasing, personal, pruning, turns
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.erasing import Erase
from ordercast.store.reconciling import Place
from tasks.step import step

PassedOver = Callable[..., Sequence[str]]
"""Orders up to a place that a round has passed which have something to remove after all."""

AT_ONCE = 50
STRAYS = 1000
LEFT = "orders left for the next round"


class _OnlyCounted(Exception):
    """Leaves a transaction without its effects: what it would have removed is known."""


@step(name="erase")
def erase(*, dry_run: bool, limit: int, seconds: float) -> dict[str, dict[str, int]]:
    """Remove what the settings say is old enough, of up to `limit` orders each; what it was.

    A dry run does the same and takes it back.
    """
    policy = settings().retention
    kinds: dict[str, tuple[int, Erase, PassedOver | None]] = {
        "raw": (policy.raw_days, dropping.drop_raw, None),
        "personal": (policy.personal_days, personal.erase_personal, None),
        "ledger": (policy.ledger_days, pruning.prune_ledger, pruning.passed_over),
    }
    removed = {
        kind: _Kind(kind, days, how, passed_over, dry_run=dry_run).go(limit=limit, seconds=seconds)
        for kind, (days, how, passed_over) in kinds.items()
        if days
    }
    if policy.raw_days:
        before, deadline = now() - timedelta(days=policy.raw_days), time.monotonic() + seconds
        strays = _count_strays(before) if dry_run else _drop_strays(before, deadline)
        removed["raw"]["messages without an order"] = strays
    return {kind: dict(counts) for kind, counts in removed.items()}


class _Kind:
    """One kind of what is removed, how far its rounds have come, and what they passed over."""

    def __init__(
        self, kind: str, days: int, how: Erase, passed_over: PassedOver | None, *, dry_run: bool
    ) -> None:
        self._name, self._how, self._dry_run = f"retention-{kind}", how, dry_run
        self._passed_over = passed_over
        self._before = now() - timedelta(days=days)

    def go(self, *, limit: int, seconds: float) -> Counter[str]:
        deadline, done, counts = time.monotonic() + seconds, 0, Counter({"orders": 0})
        with database().read() as session:
            begin = Place.from_json(turns.cursor(session, self._name))
        after = kept = begin
        while done < limit and time.monotonic() < deadline:
            with database().read() as session:
                page = erasing.ended_orders(
                    session, after, kept, before=self._before, limit=AT_ONCE
                )
            counts["orders"] += len(page.order_nos)
            counts.update(self._erase(page.order_nos))
            after, kept, done = page.read_to, page.place, done + len(page.order_nos)
            self._move_on(kept)
            if page.is_last:
                break
        else:
            with database().read() as session:
                left = erasing.count_left(session, after, before=self._before)
            if left:
                counts[LEFT] = left
        if begin and self._passed_over:
            with database().read() as session:
                found = self._passed_over(
                    session, before=self._before, until=begin.sealed_at, limit=limit
                )
            counts.update(self._go_back(found, deadline))
        return counts

    def _go_back(self, order_nos: Sequence[str], deadline: float) -> Counter[str]:
        """What earlier rounds passed over, until the time is up."""
        counts = Counter[str]()
        for some in chunks(order_nos, AT_ONCE):
            if time.monotonic() > deadline:
                break
            counts["orders"] += len(some)
            counts.update(self._erase(tuple(some)))
        return counts

    def _erase(self, order_nos: tuple[str, ...]) -> Counter[str]:
        if not order_nos:
            return Counter()
        return self._how(partial(_run, dry_run=self._dry_run), order_nos, self._before, now())

    def _move_on(self, place: Place | None) -> None:
        if not self._dry_run and place:
            with database().write() as session:
                turns.move_on(session, self._name, place.as_json())


def _run(part: Callable[[Session], Any], *, dry_run: bool) -> Any:
    """Do a part in a transaction of its own; in a dry run it is taken back."""
    came_of_it: Any = None
    with suppress(_OnlyCounted), database().write() as session:
        came_of_it = part(session)
        if dry_run:
            session.flush()
            raise _OnlyCounted
    return came_of_it


def _drop_strays(before: datetime, deadline: float) -> int:
    dropped = 0
    while time.monotonic() < deadline:
        with database().write() as session:
            some = dropping.drop_stray(session, before=before, limit=STRAYS)
        dropped += some
        if some < STRAYS:
            break
    return dropped


def _count_strays(before: datetime) -> int:
    with database().read() as session:
        return dropping.count_stray(session, before=before)
