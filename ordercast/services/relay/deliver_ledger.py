"""The deliver loop's turns at the ledger: attempts are recorded and more is leased, as one.

A turn is a transaction, however many attempts it records and leases it takes; without either
it only reads.
"""

import logging
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from config.settings import RelaySettings
from ordercast.delivery import health
from ordercast.delivery.breaker import Breaker
from ordercast.delivery.budgets import allowed_by_rate, default_concurrency, paced_after
from ordercast.services.relay.lanes import Room
from ordercast.store import push_leases
from ordercast.store.clock import now
from ordercast.store.engine import DATABASE_AWAY, Database
from ordercast.store.push_leases import LeasedDelivery, Limits
from ordercast.store.push_recording import Outcome, record_attempts

log = logging.getLogger(__name__)


class DeliverLedger:
    """What one relay has leased and has to record; for one thread at a time."""

    def __init__(self, database: Database, relay: RelaySettings, holder: str) -> None:
        self._database, self._relay, self._holder = database, relay, holder
        self._default = default_concurrency(relay.deliver_concurrency)

    def turn(self, outcomes: Sequence[Outcome], room: Room) -> Sequence[LeasedDelivery]:
        """Record all outcomes, and lease what is due as far as there is room for it."""
        shares = self._shares(room) if room.free > 0 else {}
        if not outcomes and not shares:
            return []
        with self._database.write() as session:
            on_trial = self._record(session, outcomes)
            shares = {each: n for each, n in shares.items() if each.subscriber_id not in on_trial}
            return self._lease(session, room.free, shares) if shares else []

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes; one that cannot be, for whatever reason in it, is left out."""
        try:
            with self._database.write() as session:
                self._record(session, outcomes)
        except DATABASE_AWAY:
            raise
        except Exception:
            if len(outcomes) == 1:
                log.exception("cannot record push %s", outcomes[0][0].delivery.id)
                return
            for each in outcomes:
                self.record([each])

    def _record(self, session: Session, outcomes: Sequence[Outcome]) -> set[str]:
        """Record outcomes; the subscribers whose breaker is not closed after them."""
        if not outcomes:
            return set()
        ours = record_attempts(session, outcomes)
        if len(ours) < len(outcomes):
            log.warning("%d pushes are no longer ours to record", len(outcomes) - len(ours))
        return health.note(session, ours, at=now(), default_concurrency=self._default)

    def _shares(self, room: Room) -> dict[Limits, int]:
        """What each subscriber may take now, in an order that favours nobody."""
        with self._database.read() as session:
            due = push_leases.due_subscribers(session, now=now())
        moment = now()
        shares = {
            each: room.share(each.subscriber_id, self._budget(each, moment))
            for each in random.sample(due, len(due))
        }
        return {each: share for each, share in shares.items() if share > 0}

    def _budget(self, limits: Limits, moment: datetime) -> int:
        """How many pushes may be on their way at once to a subscriber, by all that limits it."""
        rate, paced_until = limits.rate_per_second, limits.paced_until
        if not allowed_by_rate(rate, paced_until, now=moment, wanted=1):
            return 0
        breaker = Breaker(limits.open_until, limits.recovery)
        return breaker.slots(limits.concurrency or self._default, now=moment)

    def _lease(
        self, session: Session, free: int, shares: dict[Limits, int]
    ) -> Sequence[LeasedDelivery]:
        """Leases last longer than any attempt, whatever the settings say."""
        moment, relay = now(), self._relay
        by_id = {each.subscriber_id: share for each, share in shares.items() if not each.are_shared}
        held_by_all = {each.subscriber_id: n for each, n in shares.items() if each.are_shared}
        limits = push_leases.lock_limits(session, held_by_all) if held_by_all else []
        by_id |= self._left_by_all(session, held_by_all, limits, moment)
        leased = push_leases.lease_due(
            session,
            now=moment,
            limit=free,
            lease_seconds=max(relay.lease_seconds, 2 * relay.deliver_timeout_seconds),
            holder=self._holder,
            shares=by_id,
        )
        _pace(session, limits, leased, moment)
        return leased

    def _left_by_all(
        self, session: Session, shares: dict[str, int], limits: Sequence[Limits], moment: datetime
    ) -> dict[str, int]:
        """The shares as far as all relays together leave room within the limits."""
        if not limits:
            return {}
        ids = [each.subscriber_id for each in limits]
        taken = push_leases.in_flight(session, ids, now=moment)
        left = {}
        for each in limits:
            room = self._budget(each, moment) - taken.get(each.subscriber_id, 0)
            left[each.subscriber_id] = allowed_by_rate(
                each.rate_per_second,
                each.paced_until,
                now=moment,
                wanted=min(shares[each.subscriber_id], room),
            )
        return left


def _pace(
    session: Session, limits: Sequence[Limits], leased: Sequence[LeasedDelivery], moment: datetime
) -> None:
    sent = Counter(each.subscriber.id for each in leased)
    used_up = {
        each.subscriber_id: paced_after(
            each.rate_per_second, each.paced_until, now=moment, sent=sent[each.subscriber_id]
        )
        for each in limits
        if each.rate_per_second and sent[each.subscriber_id]
    }
    push_leases.pace(session, used_up)
