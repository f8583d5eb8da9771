"""The tables of the push ledger: who is told, of what, and each attempt."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Text, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from ordercast.store.columns import COUNTER, index_of_few, json_column, moment_column


class Subscriber(SQLModel, table=True):
    """Someone who is told: where, with which secret, and of what.

    A URL with a password is sealed, and shown without it. `failing_since` is the first failure
    since it answered last. While its breaker is not closed nothing is sent until `open_until`,
    then as much as `recovery` allows; `paced_until` is how far its rate is used up. The old
    secret, sealed too, signs beside the new one until it is erased. `recovered_at` is when it
    last answered again after a time of silence, `recovery_told_at` when Prefect heard of that.
    """

    __tablename__ = "subscriber"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (index_of_few("ix_subscriber_lines", "id", where="policy = 'lines'"),)

    id: str = Field(primary_key=True)
    name: str
    kind: str
    agent: str | None = None
    url: str
    sealed_url: bytes | None = Field(default=None, sa_type=LargeBinary)
    sealed_secret: bytes = Field(sa_type=LargeBinary)
    event_types: list[str] = json_column(default_factory=list)
    tags: list[str] = json_column(default_factory=list)
    agents: list[str] = json_column(default_factory=list)
    schedule: str = "standard"
    acknowledgement: str = "2xx"
    concurrency: int | None = None
    rate_per_second: float | None = None
    latest_only: bool = False
    body: str = Field(default="cloudevents", sa_column_kwargs={"server_default": "cloudevents"})
    masking: list[str] = json_column(
        default_factory=list, sa_column_kwargs={"server_default": text("'[]'")}
    )
    sealed_old_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    old_secret_until: datetime | None = moment_column(default=None)
    policy: str = "final"
    lines_every_seconds: int = 10
    hub_query: str | None = None
    state: str = Field(default="active", index=True)
    created_at: datetime = moment_column()
    disabled_at: datetime | None = moment_column(default=None)
    disabled_because: str | None = None
    failing_since: datetime | None = moment_column(default=None)
    warned_at: datetime | None = moment_column(default=None)
    open_until: datetime | None = moment_column(default=None)
    recovery: int = 0
    paced_until: datetime | None = moment_column(default=None)
    recovered_at: datetime | None = moment_column(default=None)
    recovery_told_at: datetime | None = moment_column(default=None)


class LineEnd(SQLModel, table=True):
    """A line that has ended while its order goes on, for those who are told as lines end.

    `place` counts the endings of an order's lines; a line that ends again has a new one. The
    rows of an order go when its outcome is sealed.
    """

    __tablename__ = "line_end"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index("ix_line_end_place", "order_no", "place"),)

    order_no: str = Field(primary_key=True)
    line_no: int = Field(primary_key=True)
    place: int
    state: str
    failures: list[dict[str, Any]] = json_column(default_factory=list)
    ended_at: datetime = moment_column()


class LineNotice(SQLModel, table=True):
    """How far the lines of an order that ended have been told to those of one interval.

    All up to `told_place` are told; the rest is due at `due_at`, None if there is none.
    """

    __tablename__ = "line_notice"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (index_of_few("ix_line_notice_due", "due_at", where="due_at IS NOT NULL"),)

    order_no: str = Field(primary_key=True)
    every_seconds: int = Field(primary_key=True)
    told_place: int = 0
    due_at: datetime | None = moment_column(default=None)


class PushEvent(SQLModel, table=True):
    """Something that happened to an order; `sequence` counts the events of the order.

    `position` is its place in the feed of all events, given once it is committed; `tags` are
    those that the order had then.
    """

    __tablename__ = "push_event"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("order_no", "sequence"),
        index_of_few(
            "ix_push_event_position", "position", where="position IS NOT NULL", unique=True
        ),
        index_of_few("ix_push_event_unnumbered", "order_no", "sequence", where="position IS NULL"),
        Index("ix_push_event_occurred", "occurred_at", "id"),
    )

    id: uuid.UUID = Field(primary_key=True)
    order_no: str
    version: int
    sequence: int
    type: str = Field(index=True)
    occurred_at: datetime = moment_column()
    data: dict[str, Any] = json_column(default_factory=dict)
    tags: list[str] = json_column(default_factory=list)
    position: int | None = Field(default=None, sa_type=COUNTER)


class FeedHead(SQLModel, table=True):
    """The newest position of a feed; who holds the row may give the next ones."""

    __tablename__ = "feed_head"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True)
    position: int = Field(default=0, sa_type=COUNTER)


class PushDelivery(SQLModel, table=True):
    """One event for one subscriber: its state, its attempts, and when the next is due.

    A pending one without `due_at` waits for an earlier event of its order to the same
    subscriber. `tries` are the attempts that count against the schedule; who leased it may
    send it until `leased_until`. `replay_id` is the last replay that it went out again for.
    """

    __tablename__ = "push_delivery"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("event_id", "subscriber_id"),
        index_of_few(
            "ix_push_delivery_due",
            "subscriber_id",
            "due_at",
            "sequence",
            where="due_at IS NOT NULL",
        ),
        index_of_few(
            "ix_push_delivery_pending",
            "subscriber_id",
            "order_no",
            "sequence",
            "created_at",
            where="ended_at IS NULL",
        ),
        index_of_few("ix_push_delivery_leased", "subscriber_id", where="leased_until IS NOT NULL"),
        Index("ix_push_delivery_subscriber", "subscriber_id", "created_at"),
        Index("ix_push_delivery_lane", "order_no", "subscriber_id", "state", "sequence"),
        Index("ix_push_delivery_state", "state", "created_at"),
        index_of_few("ix_push_delivery_gave_up", "state", "ended_at", where="state = 'gave-up'"),
        index_of_few(
            "ix_push_delivery_replay", "replay_id", "state", where="replay_id IS NOT NULL"
        ),
    )

    id: uuid.UUID = Field(primary_key=True)
    event_id: uuid.UUID = Field(foreign_key="push_event.id")
    subscriber_id: str = Field(foreign_key="subscriber.id")
    order_no: str
    sequence: int
    state: str
    attempts: int = 0
    tries: int = 0
    due_at: datetime | None = moment_column(default=None)
    leased_until: datetime | None = moment_column(default=None)
    leased_by: str | None = None
    created_at: datetime = moment_column()
    ended_at: datetime | None = moment_column(default=None)
    replay_id: str | None = None


class PushAttempt(SQLModel, table=True):
    """One try of a delivery: when, how long, and what was answered (its first 1 kB).

    Attempts from before the breaker, revision 0004, name no subscriber.
    """

    __tablename__ = "push_attempt"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index("ix_push_attempt_subscriber", "subscriber_id", "started_at"),)

    delivery_id: uuid.UUID = Field(primary_key=True, foreign_key="push_delivery.id")
    number: int = Field(primary_key=True)
    subscriber_id: str | None = None
    started_at: datetime = moment_column()
    duration_ms: int
    status: int | None = None
    verdict: str
    reason: str
    answer: str


class DeviceNews(SQLModel, table=True):
    """The event with the newest state of a device that a subscriber is told of."""

    __tablename__ = "device_news"  # pyright: ignore[reportAssignmentType]

    subscriber_id: str = Field(primary_key=True)
    device: str = Field(primary_key=True)
    occurred_at: datetime = moment_column()
    event_id: uuid.UUID


class PushReplay(SQLModel, table=True):
    """A replay: which pushes go out once more, who asked and why, and how far it has come.

    One of an `agent` is for its own subscribers alone.
    The cursor is the last event and subscriber that were looked at, in the order of events.
    `next_push_at` is when the next push may fall due, `due_at` when the relay looks again.
    """

    __tablename__ = "push_replay"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (index_of_few("ix_push_replay_running", "due_at", where="state = 'running'"),)

    id: str = Field(primary_key=True)
    event_id: uuid.UUID | None = None
    order_no: str | None = Field(default=None, index=True)
    subscriber_id: str | None = None
    agent: str | None = None
    since: datetime | None = moment_column(default=None)
    until: datetime = moment_column()
    ended_since: datetime | None = moment_column(default=None)
    states: list[str] = json_column(default_factory=list)
    verdict: str | None = None
    per_second: float
    reason: str = Field(sa_type=Text)
    asked_by: str
    asked_at: datetime = moment_column(index=True)
    state: str
    expected: int = 0
    put_back: int = 0
    made: int = 0
    cursor_at: datetime | None = moment_column(default=None)
    cursor_event: uuid.UUID | None = None
    cursor_subscriber: str | None = None
    is_read: bool = False
    next_push_at: datetime = moment_column()
    due_at: datetime = moment_column()
    ended_at: datetime | None = moment_column(default=None)
