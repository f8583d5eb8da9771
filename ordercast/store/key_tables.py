"""The table of API keys."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from ordercast.store.columns import UtcDateTime


class ApiKey(SQLModel, table=True):
    """A key to the HTTP API, kept as its SHA-256; `agent` is the one whose orders it is for.

    `last_used_at` is exact to a minute.
    """

    __tablename__ = "api_key"  # pyright: ignore[reportAssignmentType]

    id: str = Field(primary_key=True)
    name: str
    agent: str | None = None
    scopes: list[str] = Field(sa_type=JSON, default_factory=list)
    sha256: str = Field(unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(sa_type=UtcDateTime, default=None)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime, default=None)
    last_used_at: datetime | None = Field(sa_type=UtcDateTime, default=None)
