"""The health of subscribers: who fails and since when, who is disabled, who has recovered."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, func, or_, update
from sqlmodel import Session, col, select

from ordercast.contracts.subscriber import SubscriberState
from ordercast.store.alerts import alert
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.push_tables import PushAttempt, Subscriber
from ordercast.store.replying import SENDERS

FAILING, DISABLED, RECOVERED = "subscriber-failing", "subscriber-disabled", "subscriber-recovered"
"""The kinds of alerts; their subject is the subscriber's id."""

ACTIVE = SubscriberState.ACTIVE.value


def lock_concerned(
    session: Session, *, answered: Collection[str], failed: Collection[str]
) -> Sequence[Subscriber]:
    """Those whose health changes by what came in: who failed, or answered and was not well.

    They are the caller's alone until the transaction ends. Senders of messages are no one's
    concern: what is wrong with one of them says nothing of the others.
    """
    unwell = or_(
        col(Subscriber.failing_since).is_not(None), col(Subscriber.open_until).is_not(None)
    )
    well_again = col(Subscriber.id).in_(sorted(answered)) & unwell
    query = (
        select(Subscriber)
        .where(or_(col(Subscriber.id).in_(sorted(failed)), well_again))
        .where(Subscriber.id != SENDERS)
        .order_by(Subscriber.id)
        .with_for_update()
    )
    return session.exec(query.execution_options(populate_existing=True)).all()


def recent_attempts(
    session: Session,
    subscriber_id: str,
    *,
    since: datetime,
    failing: Collection[str],
    ignored: Collection[str],
    limit: int,
) -> tuple[int, int]:
    """How many of the last attempts were answered and how many failed, by their verdicts."""
    last = (
        select(PushAttempt.verdict)
        .where(
            PushAttempt.subscriber_id == subscriber_id,
            col(PushAttempt.started_at) > since,
            col(PushAttempt.verdict).not_in(ignored),
        )
        .order_by(col(PushAttempt.started_at).desc())
        .limit(limit)
        .subquery()
    )
    failed = func.sum(case((last.c.verdict.in_(failing), 1), else_=0))
    counted, failures = session.execute(select(func.count(), failed).select_from(last)).one()
    return counted - (failures or 0), failures or 0


def disable(session: Session, subscriber_id: str, *, because: str, at: datetime) -> bool:
    """Send nothing more to a subscriber; what there is for it is kept. Operators hear of it.

    False if it was not active.
    """
    disabled = (
        update(Subscriber)
        .where(col(Subscriber.id) == subscriber_id, col(Subscriber.state) == ACTIVE)
        .values(state=SubscriberState.DISABLED.value, disabled_at=at, disabled_because=because)
        .returning(col(Subscriber.name))
        .execution_options(synchronize_session=False)
    )
    name = session.execute(disabled).scalar()
    if name is None:
        return False
    cure = f"once it is mended: ordercast subscribers change {subscriber_id} --resume"
    text = f"{name} is disabled because {because}; what it is to be told is kept. {cure}"
    alert(session, DISABLED, subject=subscriber_id, text=text, at=at)
    return True


def resume(subscriber: Subscriber, *, at: datetime) -> None:
    """Send to a disabled subscriber again: one delivery first, then ever more."""
    subscriber.state = ACTIVE
    subscriber.disabled_at = subscriber.disabled_because = None
    subscriber.failing_since = subscriber.warned_at = None
    subscriber.open_until, subscriber.recovery = at, 0


def give_another_chance(subscriber: Subscriber, *, at: datetime) -> None:
    """Something was mended: what failed before counts no more; one delivery first, then more."""
    if subscriber.failing_since or subscriber.open_until:
        subscriber.failing_since = subscriber.warned_at = None
        subscriber.open_until, subscriber.recovery = at, 0


def watch(
    session: Session, *, at: datetime, disable_after: timedelta, failing: Collection[str]
) -> None:
    """Warn of those who fail for half the time after which they are disabled; disable those due.

    Due is who fails for as long again after the warning. Only attempts with the verdicts that
    are `failing` tell how long: who is sent nothing does not fail. Any number of relays may
    watch: of rows that another one is at, it takes care.
    """
    half = disable_after / 2
    suspects = (
        select(Subscriber)
        .where(Subscriber.state == ACTIVE)
        .where(col(Subscriber.failing_since) <= at - half)
        .order_by(Subscriber.id)
        .with_for_update(skip_locked=True)
    )
    for subscriber in session.exec(suspects.execution_options(populate_existing=True)).all():
        since = subscriber.failing_since
        assert since
        told = max(since, subscriber.warned_at or since)  # a warning of an earlier time is over
        if not _failed_after(session, subscriber.id, told + half, failing):
            continue
        if told > since:
            because = f"it has failed since {since:%Y-%m-%d %H:%M} UTC"
            disable(session, subscriber.id, because=because, at=at)
        else:
            subscriber.warned_at = at
            _warn(session, subscriber, since, until=at + half, at=at)


def _failed_after(
    session: Session, subscriber_id: str, moment: datetime, failing: Collection[str]
) -> bool:
    failed = select(PushAttempt.delivery_id).where(
        PushAttempt.subscriber_id == subscriber_id,
        col(PushAttempt.started_at) >= moment,
        col(PushAttempt.verdict).in_(failing),
    )
    return session.exec(failed.limit(1)).first() is not None


def _warn(
    session: Session, subscriber: Subscriber, since: datetime, *, until: datetime, at: datetime
) -> None:
    text = (
        f"{subscriber.name} has failed since {since:%Y-%m-%d %H:%M} UTC and is disabled at "
        f"{until:%Y-%m-%d %H:%M} UTC unless it answers; see: "
        f"ordercast pushes list --subscriber {subscriber.id}"
    )
    alert(session, FAILING, subject=subscriber.id, text=text, at=at)


def note_recovery(session: Session, subscriber: Subscriber, *, at: datetime) -> None:
    """A subscriber that was down takes pushes again; who was warned of it hears so."""
    subscriber.recovered_at = at
    nudge_after_commit(session, Topic.RECOVERED)
    if subscriber.warned_at:
        subscriber.warned_at = None
        text = f"{subscriber.name} takes pushes again"
        alert(session, RECOVERED, subject=subscriber.id, text=text, at=at)
