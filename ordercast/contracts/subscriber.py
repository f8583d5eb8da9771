"""The wire form of subscribers: who is told, where, and of what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ordercast.domain.partial_masks import Masking

DEFAULT_EVENT_TYPES = (
    "order.completed",
    "order.partial",
    "order.failed",
    "order.cancelled",
    "order.rejected",
    "order.reopened",
)
"""What a subscriber is told that names no event types: the final outcomes, and reopening."""


class SubscriberKind(StrEnum):
    """Who a subscriber is; one of kind `agent` sees the orders of that agent alone."""

    AGENT = "agent"
    PUBLIC = "public"
    INTERNET = "internet"
    IOT = "iot"


class SubscriberState(StrEnum):
    """Whether a subscriber is told: `disabled` is one whose receiver answered 410 Gone."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class ScheduleName(StrEnum):
    """How often and how long an unanswered push is tried again."""

    STANDARD = "standard"
    WECHAT_PAY = "wechat-pay"
    ALIPAY = "alipay"


class Acknowledgement(StrEnum):
    """What a receiver answers, beside a 2xx status, when it has taken a push."""

    STATUS = "2xx"
    ERRCODE_ZERO = "errcode-zero"
    CODE_ZERO = "code-zero"
    BODY_SUCCESS = "body-success"


CLOUD_EVENTS = "cloudevents"
"""The body of whoever names no push dialect."""

Name = Annotated[str, Field(min_length=1, max_length=128)]
Names = Annotated[list[Name], Field(max_length=100)]


class NewSubscriber(BaseModel):
    """Someone who wants to be told.

    `event_types` are patterns (`order.*`); empty: the final outcomes and `order.reopened`.
    `tags` and `agents` narrow it down to orders that have one of them; empty: all. A kind
    `agent` names its `agent`. `body` is a push dialect; `masking` is what is shown in part.
    Without a `secret` Ordercast makes one.
    """

    model_config = ConfigDict(extra="forbid")

    kind: SubscriberKind
    name: Name
    url: Annotated[str, Field(min_length=1, max_length=2048)]
    agent: Name | None = None
    event_types: Names = Field(default_factory=list)
    tags: Names = Field(default_factory=list)
    agents: Names = Field(default_factory=list)
    schedule: ScheduleName = ScheduleName.STANDARD
    acknowledgement: Acknowledgement = Acknowledgement.STATUS
    body: Name = CLOUD_EVENTS
    masking: list[Masking] = Field(default_factory=list, max_length=len(Masking))
    secret: str | None = Field(default=None, max_length=256, repr=False)


class SubscriberView(BaseModel):
    """A subscriber as everyone may see it: without its secret. Times are UTC.

    `old_secret_until` is when the secret before the last rotation stops signing.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: SubscriberKind
    name: str
    url: str
    agent: str | None
    event_types: list[str]
    tags: list[str]
    agents: list[str]
    schedule: ScheduleName
    acknowledgement: Acknowledgement
    body: str
    masking: list[Masking]
    old_secret_until: datetime | None
    state: SubscriberState
    created_at: datetime


class CreatedSubscriber(SubscriberView):
    """A subscriber with a new signing secret: the only time that it is shown."""

    secret: str = Field(repr=False)


class NewSecret(BaseModel):
    """A wish for another signing secret. Without a `secret` Ordercast makes one.

    `overlap_hours` is how long the old one goes on signing: 0 where it has become known.
    """

    model_config = ConfigDict(extra="forbid")

    secret: str | None = Field(default=None, max_length=256, repr=False)
    overlap_hours: float | None = Field(default=None, ge=0, le=24 * 30)
