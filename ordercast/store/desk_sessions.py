"""Sessions of the desk: browsers that somebody is signed in with, until they expire."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import delete
from sqlmodel import Session, col, select

from ordercast.store.clock import now
from ordercast.store.people_tables import DeskSession, DeskUser

SEEN_EVERY = timedelta(minutes=1)
"""That a session is used is written at most so often."""


@dataclass(frozen=True)
class SignedIn:
    """A session that holds, and whose it is; `is_stale` when its use is to be noted."""

    user: DeskUser
    csrf: str
    token_sha256: str
    is_stale: bool


def begin(session: Session, user_name: str, *, lasts: timedelta) -> str:
    """Begin a session and forget those that are over; its token, for the cookie alone."""
    at, token = now(), token_urlsafe(32)
    session.execute(delete(DeskSession).where(col(DeskSession.expires_at) < at))
    session.add(
        DeskSession(
            token_sha256=_hashed(token),
            user_name=user_name,
            csrf=token_urlsafe(32),
            created_at=at,
            seen_at=at,
            expires_at=at + lasts,
        )
    )
    return token


def find(session: Session, token: str, *, idle: timedelta) -> SignedIn | None:
    """The session of a token; None if it expired, was idle for too long, or its user may not."""
    query = (
        select(DeskSession, DeskUser)
        .join(DeskUser, col(DeskUser.name) == col(DeskSession.user_name))
        .where(DeskSession.token_sha256 == _hashed(token))
    )
    found = session.exec(query).first()
    if found is None:
        return None
    row, user = found
    at = now()
    if user.disabled_at or row.expires_at <= at or row.seen_at + idle <= at:
        return None
    return SignedIn(user, row.csrf, row.token_sha256, is_stale=row.seen_at + SEEN_EVERY <= at)


def note_use(session: Session, token_sha256: str) -> None:
    """Note that a session is used."""
    if row := session.get(DeskSession, token_sha256):
        row.seen_at = now()


def end(session: Session, token: str) -> None:
    """End the session of a token."""
    session.execute(delete(DeskSession).where(col(DeskSession.token_sha256) == _hashed(token)))


def end_all(session: Session, user_name: str) -> None:
    """End all sessions of a user."""
    session.execute(delete(DeskSession).where(col(DeskSession.user_name) == user_name))


def _hashed(token: str) -> str:
    return sha256(token.encode()).hexdigest()
