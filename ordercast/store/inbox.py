"""The inbox: every message as it came, sealed, with what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import uuid4

from sqlmodel import Session, col, select

from ordercast.domain.errors import NotFound, Problem
from ordercast.store.chunks import chunks
from ordercast.store.clock import now
from ordercast.store.sealing import sealer
from ordercast.store.tables import InboxMessage

REDELIVERED_WITHIN = timedelta(days=1)
SOURCES_WITHIN = timedelta(days=7)


class MessageOutcome(StrEnum):
    """What became of a message."""

    ACCEPTED = "accepted"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True)
class ReplyTo:
    """Where the sender of a message waits for answers, and the id by which it knows it."""

    address: str
    correlation_id: str | None = None


@dataclass(frozen=True)
class RawMessage:
    """A message before it is kept: its bytes, what they are, and where they came from.

    `key` tells a message of a queue from all others; one that is `redelivered` may have been
    taken before. `dialect` is the one that its sender names; intake finds it by queue, agent
    or content where there is none.
    """

    body: bytes
    media_type: str
    source: str
    agent: str | None = None
    external_id: str | None = None
    queue: str | None = None
    key: str | None = None
    redelivered: bool = False
    reply_to: ReplyTo | None = None
    dialect: str | None = None


def keep(
    session: Session,
    message: RawMessage,
    *,
    outcome: MessageOutcome,
    problems: Sequence[Problem] = (),
    order_no: str | None = None,
    translated_from: str | None = None,
) -> InboxMessage:
    """Keep a message, sealed, with its outcome.

    An order that was made of a message in a dialect names that message in `translated_from`.
    """
    kept = InboxMessage(
        id=f"msg-{uuid4().hex}",
        received_at=now(),
        source=message.source,
        media_type=message.media_type,
        agent=message.agent,
        external_id=message.external_id,
        queue=message.queue,
        sealed=sealer().seal(message.body),
        sha256=sha256(message.body).hexdigest(),
        size_bytes=len(message.body),
        outcome=outcome,
        problems=[problem.as_dict() for problem in problems],
        order_no=order_no,
        dialect=message.dialect,
        translated_from=translated_from,
    )
    session.add(kept)
    return kept


def message(session: Session, message_id: str, *, agent: str | None = None) -> InboxMessage:
    """The message with that id; NotFound if there is none, or not of the agent that is named."""
    found = session.get(InboxMessage, message_id)
    if found is None or agent not in (None, found.agent):
        raise NotFound("message", message_id)
    return found


def accepted_before(session: Session, message: RawMessage) -> str | None:
    """The order that the same bytes became when they came by the same queue within a day."""
    same = select(InboxMessage.order_no).where(
        InboxMessage.queue == message.queue,
        InboxMessage.sha256 == sha256(message.body).hexdigest(),
        InboxMessage.agent == message.agent,
        InboxMessage.outcome == MessageOutcome.ACCEPTED,
        InboxMessage.received_at > now() - REDELIVERED_WITHIN,
    )
    return session.exec(same.order_by(col(InboxMessage.received_at).desc())).first()


def plain_body(kept: InboxMessage) -> bytes:
    """The bytes of a message as they came: may hold secrets, never to be shown."""
    return sealer().unseal(kept.sealed)


def known_sources(session: Session, sources: Sequence[str]) -> set[str]:
    """Those of the sources from which a message was kept in the last days."""
    known: set[str] = set()
    since = now() - SOURCES_WITHIN
    for some in chunks(sources):
        kept = select(InboxMessage.source).where(
            col(InboxMessage.received_at) > since, col(InboxMessage.source).in_(some)
        )
        known.update(session.exec(kept))
    return known


def messages(
    session: Session,
    *,
    outcome: str | None = None,
    agent: str | None = None,
    offset: int = 0,
    limit: int = 100,
) -> Sequence[InboxMessage]:
    """Messages, the newest first; those of one agent, if it is named."""
    query = select(InboxMessage).order_by(col(InboxMessage.received_at).desc())
    if agent is not None:
        query = query.where(InboxMessage.agent == agent)
    if outcome:
        query = query.where(InboxMessage.outcome == outcome)
    return session.exec(query.offset(offset).limit(limit)).all()
