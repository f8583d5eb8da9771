"""The wire form of replays: which pushes go out once more, how fast, and why."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ordercast.domain.moments import parse_moment


class Replayable(StrEnum):
    """Which pushes can go out once more: those that have ended, and those that never were."""

    DELIVERED = "delivered"
    REJECTED = "rejected"
    GONE = "gone"
    GAVE_UP = "gave-up"
    MISSING = "missing"


class ReplayVerdict(StrEnum):
    """The verdict of a push's last attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    GONE = "gone"
    BLOCKED = "blocked"
    OUR_FAULT = "our-fault"


class ReplayState(StrEnum):
    """How a replay stands; `done` and `cancelled` are ends."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_moment(value, at=datetime.now(UTC))
    except ValueError as error:
        raise PydanticCustomError("moment", "{why}", {"why": str(error)}) from None


Moment = Annotated[datetime, BeforeValidator(_moment)]
Key = Annotated[str, Field(min_length=1, max_length=128)]

MOST_PER_SECOND = 10_000


class NewReplay(BaseModel):
    """A wish that pushes go out once more; all that is given must hold.

    `since` counts and `until` does not: ISO 8601 or how long ago (`24h`). Both are times of
    events; `ended_since` is of pushes, which may end days after their events. Without `states`
    all that have ended are meant, and where an event, an order or a subscriber is named those it
    never had as well (`missing`). `per_second` is the most that fall due in a second; without
    it, the setting.
    """

    model_config = ConfigDict(extra="forbid")

    event_id: UUID | None = None
    order_no: Key | None = None
    subscriber_id: Key | None = None
    since: Moment | None = None
    until: Moment | None = None
    ended_since: Moment | None = None
    states: list[Replayable] = Field(default_factory=list, max_length=len(Replayable))
    verdict: ReplayVerdict | None = None
    per_second: float | None = Field(default=None, gt=0, le=MOST_PER_SECOND, allow_inf_nan=False)
    reason: str = Field(default="asked for by hand", min_length=1, max_length=500)
    dry_run: bool = False

    @model_validator(mode="after")
    def _says_which(self) -> "NewReplay":
        """Nobody replays the whole ledger by leaving something out."""
        named = (self.event_id, self.order_no, self.subscriber_id, self.since, self.verdict)
        if not any((*named, self.ended_since, self.states)):
            which = "event_id, order_no, subscriber_id, since, ended_since, states or verdict"
            raise PydanticCustomError("too_wide", "say which: {which}", {"which": which})
        if self.since and self.until and self.since >= self.until:
            raise PydanticCustomError("empty_span", "since is not before until")
        if self.ended_since and Replayable.MISSING in self.states:
            raise PydanticCustomError("never_ended", "what is missing has not ended since")
        return self

    @property
    def wanted_states(self) -> list[Replayable]:
        """The states that are meant, said or not."""
        if self.states:
            return list(dict.fromkeys(self.states))
        named = self.event_id or self.order_no or self.subscriber_id
        is_about_missing = named and self.verdict is None and self.ended_since is None
        return [each for each in Replayable if each is not Replayable.MISSING or is_about_missing]
