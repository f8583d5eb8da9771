"""The tables of the people who work at the desk: users, their sessions, and what they did."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text
from sqlmodel import Field, Index, SQLModel

from ordercast.store.columns import COUNTER, UtcDateTime


class DeskUser(SQLModel, table=True):
    """Somebody who may sign in; `failures` are the wrong tries since the last right one.

    Nobody may try again before `try_again_at`. `has_generated_password` until it is changed.
    """

    __tablename__ = "desk_user"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True)
    password_hash: str
    has_generated_password: bool = False
    role: str
    language: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    failures: int = 0
    try_again_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DeskSession(SQLModel, table=True):
    """A browser that somebody is signed in with; of its token only the SHA-256 is kept."""

    __tablename__ = "desk_session"  # pyright: ignore[reportAssignmentType]

    token_sha256: str = Field(primary_key=True)
    user_name: str = Field(index=True)
    csrf: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class AuditEntry(SQLModel, table=True):
    """What somebody did, to what, when and why; never changed."""

    __tablename__ = "audit_entry"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("ix_audit_entry_subject", "subject", "key"),
        Index("ix_audit_entry_who", "who", "key"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    at: datetime = Field(sa_type=UtcDateTime)
    who: str
    did: str
    subject: str
    reason: str | None = Field(default=None, sa_type=Text)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
