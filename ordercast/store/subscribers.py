"""Subscribers: whom to tell, with their secrets sealed."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, func, update
from sqlmodel import Session, col, select

from config.addresses import without_password
from ordercast.contracts.subscriber import (
    NewSubscriber,
    SubscriberChange,
    SubscriberKind,
    SubscriberState,
)
from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import resuming, subscriber_health, withdrawing
from ordercast.store.chunks import CHUNK
from ordercast.store.clock import now
from ordercast.store.commits import after_commit
from ordercast.store.engine import Database
from ordercast.store.push_tables import Subscriber
from ordercast.store.replying import SENDERS
from ordercast.store.sealing import sealer
from ordercast.store.waiting_lines import Line, wait_in_line


def create(session: Session, wanted: NewSubscriber, *, secret: str) -> Subscriber:
    """Add a subscriber, its signing secret sealed; Conflict if its name is taken.

    The subscribers of an agent have names of their own: no agent learns those of others.
    """
    wait_in_line(session.connection(), Line.SUBSCRIBER_NAME, [wanted.name])
    alike = select(Subscriber).where(Subscriber.name == wanted.name, _kept())
    if any(each.agent == wanted.agent for each in session.exec(alike)):
        raise Conflict("there is a subscriber named {name!r} already", ["name"], name=wanted.name)
    given = wanted.model_dump(mode="json", exclude={"secret"})
    sealed = sealer().seal(secret.encode())
    key = f"sub-{secrets.token_hex(5)}"
    subscriber = Subscriber(**given, id=key, sealed_secret=sealed, created_at=now())
    _set_url(subscriber, wanted.url)
    session.add(subscriber)
    return subscriber


def get(session: Session, subscriber_id: str, *, agent: str | None = None) -> Subscriber:
    """The subscriber with that id.

    NotFound if there is none, or no longer, or if it is not of the agent that is named.
    """
    found = session.get(Subscriber, subscriber_id)
    if found is None or found.id == SENDERS or found.state == SubscriberState.DELETED.value:
        raise NotFound("subscriber", subscriber_id)
    if agent not in (None, owner(found)):
        raise NotFound("subscriber", subscriber_id)
    return found


def owner(subscriber: Subscriber) -> str | None:
    """The agent that a subscriber belongs to, and whose orders alone it is told of."""
    return subscriber.agent if subscriber.kind == SubscriberKind.AGENT.value else None


def is_own(agent: str) -> ColumnElement[bool]:
    """That a subscriber belongs to an agent, as a condition."""
    return and_(col(Subscriber.kind) == SubscriberKind.AGENT.value, col(Subscriber.agent) == agent)


def change(session: Session, subscriber_id: str, change: SubscriberChange) -> Subscriber:
    """Change a subscriber; what is already on its way goes where it was to go."""
    get(session, subscriber_id)
    subscriber = session.get_one(
        Subscriber, subscriber_id, with_for_update=True, populate_existing=True
    )
    given = change.given()
    if url := given.pop("url", None):
        _set_url(subscriber, url)
        subscriber_health.give_another_chance(subscriber, at=now())
    state = given.pop("state", subscriber.state)
    for name, value in given.items():
        setattr(subscriber, name, value)
    if state != subscriber.state:
        _pause_or_resume(session, subscriber, state)
    session.add(subscriber)
    return subscriber


def _pause_or_resume(session: Session, subscriber: Subscriber, state: str) -> None:
    key = subscriber.id
    if state == SubscriberState.ACTIVE:
        subscriber_health.resume(subscriber, at=now())
        after_commit(session, f"resume {key}", lambda db: resuming.fall_due(db, key))
    else:
        subscriber.state, subscriber.disabled_at = state, now()
        subscriber.disabled_because = "an operator paused it"


def _set_url(subscriber: Subscriber, url: str) -> None:
    """Keep a URL, sealed if it has a password."""
    shown = without_password(url)
    subscriber.url = shown
    subscriber.sealed_url = sealer().seal(url.encode()) if shown != url else None


def listing(
    session: Session, *, limit: int, offset: int = 0, agent: str | None = None
) -> tuple[int, Sequence[Subscriber]]:
    """The number of subscribers that are not deleted, and a page of them, the oldest first.

    An agent that is named has those that are its own.
    """
    which = _kept() if agent is None else and_(_kept(), is_own(agent))
    total = session.exec(select(func.count()).select_from(Subscriber).where(which)).one()
    oldest = (col(Subscriber.created_at), col(Subscriber.id))
    page = select(Subscriber).where(which).order_by(*oldest)
    return total, session.exec(page.offset(offset).limit(limit)).all()


def kept(session: Session) -> Sequence[Subscriber]:
    """All subscribers that are not deleted."""
    return session.exec(select(Subscriber).where(_kept())).all()


def delete(session: Session, subscriber_id: str) -> None:
    """Tell a subscriber nothing more; what it was told stays in the ledger."""
    subscriber = get(session, subscriber_id)
    subscriber.state = SubscriberState.DELETED.value
    after_commit(session, f"withdraw from {subscriber_id}", lambda db: withdraw(db, subscriber_id))


def withdraw(database: Database, subscriber_id: str) -> None:
    """End all that is still to be sent to a subscriber, some hundred deliveries at a time."""
    more = True
    while more:
        with database.write() as session:
            more = withdrawing.withdraw(session, subscriber_id, at=now(), limit=CHUNK) == CHUNK


def withdraw_from_deleted(database: Database) -> None:
    """End what was written for a subscriber at the moment when it was deleted."""
    with database.read() as session:
        left_over = withdrawing.pending_subscribers(session, SubscriberState.DELETED)
    for subscriber_id in left_over:
        withdraw(database, subscriber_id)


def named(session: Session, id_or_name: str) -> Subscriber:
    """The subscriber with that id, or else of that name; NotFound if there is none.

    Conflict if agents call several by that name.
    """
    by_name = session.exec(select(Subscriber).where(Subscriber.name == id_or_name, _kept())).all()
    if len(by_name) > 1:
        ids = ", ".join(each.id for each in by_name)
        raise Conflict(
            "several subscribers are named {name!r}; name one by its id: {ids}",
            name=id_or_name,
            ids=ids,
        )
    return by_name[0] if by_name else get(session, id_or_name)


def rotate(session: Session, subscriber: Subscriber, *, secret: str, overlap: timedelta) -> None:
    """Sign with another secret, sealed; what was valid before stays so for the overlap."""
    at = now()
    subscriber.old_secret_until = at + overlap if overlap else None
    subscriber.sealed_old_secret = subscriber.sealed_secret if overlap else None
    subscriber.sealed_secret = sealer().seal(secret.encode())
    session.add(subscriber)


def erase_old_secrets(database: Database) -> int:
    """Erase the old secrets whose overlap is over, of how many subscribers."""
    over = col(Subscriber.old_secret_until) <= now()
    with database.read() as session:
        if session.exec(select(Subscriber.id).where(over).limit(1)).first() is None:
            return 0
    erased = {"sealed_old_secret": None, "old_secret_until": None}
    with database.write() as session:
        statement = update(Subscriber).where(over).values(erased)
        return cast(CursorResult[Any], session.execute(statement)).rowcount


def sealed_secrets(subscriber: Subscriber, *, at: datetime) -> list[bytes]:
    """The secrets that are valid, sealed: the new one, and the old one until its time is over."""
    sealed = [subscriber.sealed_secret]
    until = subscriber.old_secret_until
    if subscriber.sealed_old_secret and until and at < until:
        sealed.append(subscriber.sealed_old_secret)
    return sealed


def secret_of(subscriber: Subscriber) -> str:
    """The signing secret; ConfigurationError if no sealing key opens it."""
    return opened(subscriber.sealed_secret)


def opened(sealed: bytes) -> str:
    """A signing secret; ConfigurationError if no sealing key opens it."""
    return sealer().unseal(sealed).decode()


def url_of(subscriber: Subscriber) -> str:
    """The URL with its password; ConfigurationError if no sealing key opens it."""
    if subscriber.sealed_url is None:
        return subscriber.url
    return sealer().unseal(subscriber.sealed_url).decode()


def _kept():
    return and_(
        col(Subscriber.state) != SubscriberState.DELETED.value, col(Subscriber.id) != SENDERS
    )
