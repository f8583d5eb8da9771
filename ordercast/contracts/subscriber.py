"""The wire form of subscribers: who is told, where, and of what."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

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


class Form(StrEnum):
    """How an event is spelled: as a CloudEvent, or as TMF641 has it for its hub."""

    CLOUDEVENTS = "cloudevents"
    TMF641 = "tmf641"


Name = Annotated[str, Field(min_length=1, max_length=128)]
Names = Annotated[list[Name], Field(max_length=100)]


class NewSubscriber(BaseModel):
    """Someone who wants to be told.

    `event_types` are patterns (`order.*`); empty: the final outcomes and `order.reopened`.
    `tags` and `agents` narrow it down to orders that have one of them; empty: all. A kind
    `agent` names its `agent`. Without a `secret` Ordercast makes one.
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
    form: Form = Form.CLOUDEVENTS
    secret: str | None = Field(default=None, max_length=256, repr=False)


class SubscriberView(BaseModel):
    """A subscriber as everyone may see it: without its secret. Times are UTC."""

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
    form: Form
    state: SubscriberState
    created_at: datetime


class CreatedSubscriber(SubscriberView):
    """A subscriber at its creation: the only time that its signing secret is shown."""

    secret: str = Field(repr=False)
