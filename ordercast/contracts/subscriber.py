"""The wire form of subscribers: who is told, where, and of what."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

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

LINES_EVERY_SECONDS = 10


class SubscriberKind(StrEnum):
    """Who a subscriber is; one of kind `agent` sees the orders of that agent alone."""

    AGENT = "agent"
    PUBLIC = "public"
    INTERNET = "internet"
    IOT = "iot"


class SubscriberState(StrEnum):
    """Whether a subscriber is told; for a disabled one what it is to be told is kept."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class ScheduleName(StrEnum):
    """How often and how long an unanswered push is tried again."""

    STANDARD = "standard"
    WECHAT_PAY = "wechat-pay"
    ALIPAY = "alipay"


class Policy(StrEnum):
    """When a subscriber is told: of the sealed outcome alone, or also as lines end."""

    FINAL = "final"
    LINES = "lines"


class Acknowledgement(StrEnum):
    """What a receiver answers, beside a 2xx status, when it has taken a push."""

    STATUS = "2xx"
    ERRCODE_ZERO = "errcode-zero"
    CODE_ZERO = "code-zero"
    BODY_SUCCESS = "body-success"


class Health(StrEnum):
    """How a subscriber is doing, in one word; of several that hold, the worst."""

    HEALTHY = "healthy"
    FAILING = "failing"
    RECOVERING = "recovering"
    OPEN_BREAKER = "open breaker"
    DISABLED = "disabled"


CLOUD_EVENTS = "cloudevents"
"""The body of whoever names no push dialect."""

TMF641 = "tmf641"
"""The body as TMF641 has it for the listeners of its hub."""

LONGEST_NAME = 128
LONGEST_AGENT = 255
"""Characters; an agent's name may be as long as that of an order's party."""

MOST_NAMES = 100

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Names = Annotated[list[Name], Field(max_length=MOST_NAMES)]
Agent = Annotated[str, Field(min_length=1, max_length=LONGEST_AGENT)]
Agents = Annotated[list[Agent], Field(max_length=MOST_NAMES)]
LinesEverySeconds = Annotated[int, Field(ge=1, le=3600)]
Maskings = Annotated[list[Masking], Field(max_length=len(Masking))]
Url = Annotated[str, Field(min_length=1, max_length=2048)]
Concurrency = Annotated[int, Field(ge=1, le=1000)]
Rate = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]


class NewSubscriber(BaseModel):
    """Someone who wants to be told.

    `event_types` are patterns (`order.*`); empty: the final outcomes and `order.reopened`.
    `tags` and `agents` narrow it down to orders that have one of them; empty: all. A kind
    `agent` names its `agent`. Without a `secret` Ordercast makes one. `concurrency` is how many
    pushes may be on their way to it at once, `rate_per_second` how many are sent a second; with
    `latest_only` it is not told of versions of an order that others have followed. `body` is a
    push dialect; `masking` is what is shown in part. With the policy `lines` it is also told of
    the lines that ended, those of `lines_every_seconds` together.
    """

    model_config = ConfigDict(extra="forbid")

    kind: SubscriberKind
    name: Name
    url: Url
    agent: Agent | None = None
    event_types: Names = Field(default_factory=list)
    tags: Names = Field(default_factory=list)
    agents: Agents = Field(default_factory=list)
    schedule: ScheduleName = ScheduleName.STANDARD
    acknowledgement: Acknowledgement = Acknowledgement.STATUS
    concurrency: Concurrency | None = None
    rate_per_second: Rate | None = None
    latest_only: bool = False
    body: Name = CLOUD_EVENTS
    masking: Maskings = Field(default_factory=list)
    policy: Policy = Policy.FINAL
    lines_every_seconds: LinesEverySeconds = LINES_EVERY_SECONDS
    secret: str | None = Field(default=None, max_length=256, repr=False)


class SubscriberChange(BaseModel):
    """What is to be changed of a subscriber; what is left out stays.

    Null as a budget is the default again. A `state` of `disabled` pauses it, `active` resumes.
    """

    model_config = ConfigDict(extra="forbid")

    url: Url = ""
    event_types: Names = []
    tags: Names = []
    agents: Agents = []
    schedule: ScheduleName = ScheduleName.STANDARD
    acknowledgement: Acknowledgement = Acknowledgement.STATUS
    concurrency: Concurrency | None = None
    rate_per_second: Rate | None = None
    latest_only: bool = False
    body: Name = CLOUD_EVENTS
    masking: Maskings = []
    policy: Policy = Policy.FINAL
    lines_every_seconds: LinesEverySeconds = LINES_EVERY_SECONDS
    state: Literal[SubscriberState.ACTIVE, SubscriberState.DISABLED] = SubscriberState.ACTIVE

    def given(self) -> dict[str, Any]:
        """The fields that are to be changed, with their new values."""
        return self.model_dump(mode="json", exclude_unset=True)


class SubscriberView(BaseModel):
    """A subscriber as everyone may see it: without its secret. Times are UTC.

    It is failing since the first failure after it answered last; `old_secret_until` is when the
    secret before the last rotation stops signing.
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
    concurrency: int | None
    rate_per_second: float | None
    latest_only: bool
    body: str
    masking: list[Masking]
    old_secret_until: datetime | None
    policy: Policy
    lines_every_seconds: int
    state: SubscriberState
    created_at: datetime
    disabled_at: datetime | None
    disabled_because: str | None
    failing_since: datetime | None
    open_until: datetime | None
    recovered_at: datetime | None

    @computed_field
    @property
    def health(self) -> Health:
        if self.state is not SubscriberState.ACTIVE:
            return Health.DISABLED
        if self.open_until is not None:
            is_open = datetime.now(UTC) < self.open_until
            return Health.OPEN_BREAKER if is_open else Health.RECOVERING
        return Health.FAILING if self.failing_since else Health.HEALTHY


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
