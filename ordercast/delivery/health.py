"""The health of subscribers after attempts: the breaker's rules on what the ledger says."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from ordercast.delivery import breaker
from ordercast.delivery.breaker import Breaker, Tally
from ordercast.delivery.verdicts import Verdict
from ordercast.store import subscriber_health
from ordercast.store.push_recording import Outcome
from ordercast.store.push_tables import Subscriber

Attempts = Sequence[tuple[datetime, Verdict]]


def note(
    session: Session, outcomes: Sequence[Outcome], *, at: datetime, default_concurrency: int
) -> set[str]:
    """Open, try and close breakers as the attempts just recorded say, in their transaction.

    It costs something only for subscribers that fail or have failed; those whose breaker is
    not closed now are returned.
    """
    if not outcomes:
        return set()
    attempts = _by_subscriber(outcomes)
    tallies = {key: breaker.tally(verdict for _, verdict in each) for key, each in attempts.items()}
    concerned = subscriber_health.lock_concerned(
        session,
        answered={key for key, each in tallies.items() if each.answered},
        failed={key for key, each in tallies.items() if each.failed},
    )
    for subscriber in concerned:
        budget = subscriber.concurrency or default_concurrency
        _change(session, subscriber, attempts[subscriber.id], budget=budget, at=at)
    return {each.id for each in concerned if each.open_until is not None}


def _by_subscriber(outcomes: Sequence[Outcome]) -> Mapping[str, Attempts]:
    attempts: dict[str, list[tuple[datetime, Verdict]]] = defaultdict(list)
    for leased, tried in sorted(outcomes, key=lambda each: each[1].answered_at):
        verdict = Verdict(tried.attempt.verdict)
        attempts[leased.subscriber.id].append((tried.answered_at, verdict))
    return attempts


def _change(
    session: Session, subscriber: Subscriber, attempts: Attempts, *, budget: int, at: datetime
) -> None:
    before = Breaker(subscriber.open_until, subscriber.recovery)
    new = breaker.tally(verdict for _, verdict in attempts)
    after = before.after(new, _recent(session, subscriber, before, new, at), budget, now=at)
    subscriber.open_until, subscriber.recovery = after.open_until, after.recovery
    failed_since = subscriber.failing_since
    subscriber.failing_since = breaker.failing_since(failed_since, attempts)
    is_well = after.is_closed and subscriber.failing_since is None
    was_down = not before.is_closed or (failed_since and at - failed_since >= breaker.WINDOW)
    if is_well and was_down:
        subscriber_health.note_recovery(session, subscriber, at=at)


def _recent(
    session: Session, subscriber: Subscriber, before: Breaker, new: Tally, at: datetime
) -> Tally:
    """The attempts that may open a closed breaker, from the ledger; no others are looked up."""
    if not before.is_closed or not new.failed:
        return new
    answered, failed = subscriber_health.recent_attempts(
        session,
        subscriber.id,
        since=at - breaker.WINDOW,
        failing=breaker.FAILING,
        ignored=breaker.IGNORED,
        limit=breaker.MOST_ATTEMPTS,
    )
    return Tally(answered, failed)
