"""Subscribers: whom to tell, with their secrets sealed."""

import secrets
from collections.abc import Sequence

from sqlalchemy import and_, func
from sqlmodel import Session, col, select

from config.addresses import without_password
from ordercast.contracts.subscriber import NewSubscriber, SubscriberState
from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import push_leases
from ordercast.store.chunks import CHUNK
from ordercast.store.clock import now
from ordercast.store.commits import after_commit
from ordercast.store.engine import Database
from ordercast.store.replying import SENDERS
from ordercast.store.sealing import sealer
from ordercast.store.tables import Subscriber
from ordercast.store.waiting_lines import Line, wait_in_line


def create(session: Session, wanted: NewSubscriber, *, secret: str) -> Subscriber:
    """Add a subscriber, its signing secret sealed; Conflict if its name is taken."""
    wait_in_line(session.connection(), Line.SUBSCRIBER_NAME, [wanted.name])
    if session.exec(select(Subscriber.id).where(Subscriber.name == wanted.name, _kept())).first():
        raise Conflict(f"there is a subscriber named {wanted.name!r} already", ["name"])
    given = wanted.model_dump(mode="json", exclude={"secret"})
    sealed = sealer().seal(secret.encode())
    key = f"sub-{secrets.token_hex(5)}"
    subscriber = Subscriber(**given, id=key, sealed_secret=sealed, created_at=now())
    shown = without_password(wanted.url)
    if shown != wanted.url:
        subscriber.url, subscriber.sealed_url = shown, sealer().seal(wanted.url.encode())
    session.add(subscriber)
    return subscriber


def get(session: Session, subscriber_id: str) -> Subscriber:
    """The subscriber with that id; NotFound if there is none, or no longer."""
    found = session.get(Subscriber, subscriber_id)
    if found is None or found.id == SENDERS or found.state == SubscriberState.DELETED.value:
        raise NotFound("subscriber", subscriber_id)
    return found


def listing(session: Session, *, limit: int, offset: int = 0) -> tuple[int, Sequence[Subscriber]]:
    """The number of subscribers that are not deleted, and a page of them, the oldest first."""
    total = session.exec(select(func.count()).select_from(Subscriber).where(_kept())).one()
    oldest = (col(Subscriber.created_at), col(Subscriber.id))
    page = select(Subscriber).where(_kept()).order_by(*oldest)
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
            more = push_leases.withdraw(session, subscriber_id, at=now(), limit=CHUNK) == CHUNK


def withdraw_from_deleted(database: Database) -> None:
    """End what was written for a subscriber at the moment when it was deleted."""
    with database.read() as session:
        left_over = push_leases.pending_subscribers(session, SubscriberState.DELETED)
    for subscriber_id in left_over:
        withdraw(database, subscriber_id)


def secret_of(subscriber: Subscriber) -> str:
    """The signing secret; ConfigurationError if no sealing key opens it."""
    return sealer().unseal(subscriber.sealed_secret).decode()


def url_of(subscriber: Subscriber) -> str:
    """The URL with its password; ConfigurationError if no sealing key opens it."""
    if subscriber.sealed_url is None:
        return subscriber.url
    return sealer().unseal(subscriber.sealed_url).decode()


def _kept():
    return and_(
        col(Subscriber.state) != SubscriberState.DELETED.value, col(Subscriber.id) != SENDERS
    )
