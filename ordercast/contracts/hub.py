"""The wire form of TMF641's hub: whom to call back, and of which events."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class EventSubscriptionInput(BaseModel):
    """Someone who wants events at `callback`. Source: TMF641 v4.1, EventSubscriptionInput."""

    model_config = ConfigDict(extra="forbid")

    callback: Annotated[str, Field(min_length=1, max_length=2048)]
    query: Annotated[str, Field(max_length=1024)] | None = None


class EventSubscription(BaseModel):
    """A callback that is registered. Source: TMF641 v4.1, EventSubscription."""

    id: str
    callback: str
    query: str | None = None
