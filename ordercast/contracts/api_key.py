"""The wire form of API keys: who may come in by HTTP, for which agent, and for what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ordercast.contracts.subscriber import Agent


class Scope(StrEnum):
    """What a key is for; `admin` is for everything."""

    SUBMIT = "submit"
    REPORT = "report"
    READ = "read"
    ADMIN = "admin"


class NewApiKey(BaseModel):
    """A wish for a key. One with an `agent` is for what is that agent's alone."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=128)]
    agent: Agent | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: datetime | None = None


class ApiKeyView(BaseModel):
    """A key as everyone may see it: without the key itself. Times are UTC."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    agent: str | None
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class CreatedApiKey(ApiKeyView):
    """A key that was made just now: the only time that it is shown."""

    key: str = Field(repr=False)
