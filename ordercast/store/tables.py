"""The tables. All times are aware UTC; states are the values of the domain's enums."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    Text,
    TypeDecorator,
    text,
)
from sqlmodel import Field, Index, SQLModel, UniqueConstraint


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time: aware UTC in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _json(**options: Any) -> Any:
    return Field(sa_type=JSON, **options)


def _time(**options: Any) -> Any:
    return Field(sa_type=UtcDateTime, **options)


def _few(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the few rows that a loop looks for, however many there are beside them."""
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


IS_STUCK = "waiting_for IN ('parked', 'operator')"
"""Of runs: what rests after a fault, or waits for a person."""

COUNTER = BigInteger().with_variant(Integer, "sqlite")


class InboxMessage(SQLModel, table=True):
    """A message as it came, sealed, with what became of it; `sealed` is empty once it is dropped.

    Of a message in a dialect there are also the orders that were made of it, in Ordercast's
    own form: each a row of its own, with the id of the message in `translated_from`.
    """

    __tablename__ = "inbox_message"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        _few("ix_inbox_message_queue", "queue", "sha256", where="queue IS NOT NULL"),
        Index("ix_inbox_message_agent", "agent", "received_at"),
        _few("ix_inbox_message_origin", "translated_from", where="translated_from IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    received_at: datetime = _time(index=True)
    source: str
    media_type: str
    agent: str | None = None
    external_id: str | None = None
    queue: str | None = None
    sealed: bytes = Field(sa_type=LargeBinary)
    sha256: str
    size_bytes: int
    outcome: str = Field(index=True)
    problems: list[dict[str, Any]] = _json(default_factory=list)
    order_no: str | None = Field(default=None, index=True)
    dialect: str | None = None
    translated_from: str | None = None


class ServiceOrder(SQLModel, table=True):
    """An order: opened at intake, given its lines by `decompose`, ended by its seal."""

    __tablename__ = "service_order"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("agent", "external_id"),
        Index("ix_service_order_ordered", "ordered_at", "order_no"),
        Index("ix_service_order_state", "state", "ordered_at", "order_no"),
        Index("ix_service_order_agent", "agent", "ordered_at", "order_no"),
        Index("ix_service_order_external_id", "external_id"),
    )

    order_no: str = Field(primary_key=True)
    agent: str
    external_id: str | None = None
    content_sha256: str
    message_id: str
    title: str
    category: str | None = None
    priority: int = 4
    state: str
    version: int = 1
    line_count: int = 0
    document: dict[str, Any] = _json(default_factory=dict)
    products: list[str] = _json(default_factory=list)
    ordered_at: datetime = _time()
    requested_start_at: datetime | None = _time(default=None)
    started_at: datetime | None = _time(default=None)
    ended_at: datetime | None = _time(default=None)
    cancel_requested_at: datetime | None = _time(default=None)
    primary_tag: str | None = None
    event_count: int = 0
    reply_to: str | None = None
    correlation_id: str | None = None


class OrderLine(SQLModel, table=True):
    """A line of an order (TMF: item); sensitive characteristics are masked."""

    __tablename__ = "order_line"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    line_no: int = Field(primary_key=True)
    item_id: str
    action: str
    product: str | None = None
    state: str
    document: dict[str, Any] = _json(default_factory=dict)
    problems: list[dict[str, Any]] = _json(default_factory=list)


class WorkOrder(SQLModel, table=True):
    """A piece of work on a line, with who does it, what it waits for, and its result.

    `parameters` are those of a command that a message named; sensitive ones are masked. One with
    `undoes` takes back what the work order of that name on its line has done; once the line is
    worked on again it is withdrawn, and says nothing of the line any more.
    `cause` is why it failed: its code, or the shape of its text.
    """

    __tablename__ = "work_order"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("ix_work_order_order_state", "order_no", "state"),
        Index("ix_work_order_state", "state", "due_at", "id"),
        Index("ix_work_order_team", "team", "state", "due_at", "id"),
        Index("ix_work_order_system", "system", "state", "due_at", "id"),
        _few("ix_work_order_failed", "cause", "ended_at", where="state = 'failed'"),
    )

    id: str = Field(primary_key=True)
    order_no: str
    line_no: int
    name: str
    team: str | None = None
    system: str | None = None
    state: str
    depends_on: list[str] = _json(default_factory=list)
    parameters: dict[str, Any] = _json(default_factory=dict)
    due_at: datetime = _time()
    created_at: datetime = _time()
    ended_at: datetime | None = _time(default=None)
    claimed_by: str | None = None
    code: str | None = None
    text: str | None = Field(default=None, sa_type=Text)
    cause: str | None = None
    report_key: int | None = Field(default=None, sa_type=COUNTER)
    service_seconds: int | None = None
    undoes: str | None = None
    withdrawn_at: datetime | None = _time(default=None)


class CompletionReport(SQLModel, table=True):
    """A report as it was answered; unknown, late and contradicting ones are kept too."""

    __tablename__ = "completion_report"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("work_order_id", "report_id"),)

    key: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    work_order_id: str
    report_id: str
    order_no: str | None = Field(default=None, index=True)
    result: str
    code: str | None = None
    text: str | None = Field(default=None, sa_type=Text)
    reporter: str | None = None
    corrects: str | None = None
    verdict: str = Field(index=True)
    answer: str
    received_at: datetime = _time()


class OrderRun(SQLModel, table=True):
    """The run of one version of an order: how far it is, what it waits for, who works on it.

    `wake_at` is when the relay shall resume it; a segment's token is its right to commit. Of one
    that is parked or has failed, `cause` is the shape of the reason.
    """

    __tablename__ = "order_run"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        _few("ix_order_run_launch", "launch_at", where="launch_at IS NOT NULL"),
        _few("ix_order_run_wake", "wake_at", where="wake_at IS NOT NULL"),
        _few("ix_order_run_leased", "worker", where="token IS NOT NULL"),
        _few("ix_order_run_held", "order_no", where="waiting_for = 'exclusive'"),
        _few("ix_order_run_in_flight", "order_no", "version", where="ended_at IS NULL"),
        _few("ix_order_run_stuck", "waiting_for", "order_no", where=IS_STUCK),
    )

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    stage: str
    priority: int = 4
    start_at: datetime = _time()
    launch_at: datetime | None = _time(default=None)
    flow_run_id: uuid.UUID | None = Field(default=None, index=True)
    waiting_for: str | None = None
    waiting_since: datetime | None = _time(default=None)
    waiting_reason: str | None = Field(default=None, sa_type=Text)
    cause: str | None = None
    wake_at: datetime | None = _time(default=None)
    tries: int = 0
    wake_tries: int = 0
    recoveries: int = 0
    token: str | None = None
    worker: str | None = None
    ended_at: datetime | None = _time(default=None)


class WorkerBeat(SQLModel, table=True):
    """When a worker process was last alive."""

    __tablename__ = "worker_beat"  # pyright: ignore[reportAssignmentType]

    worker: str = Field(primary_key=True)
    beat_at: datetime = _time()


class ListenerBeat(SQLModel, table=True):
    """When a listener was last alive, and how it stands with its broker."""

    __tablename__ = "listener_beat"  # pyright: ignore[reportAssignmentType]

    listener: str = Field(primary_key=True)
    broker: str
    state: str
    reason: str = ""
    since: datetime = _time()
    beat_at: datetime = _time()


class ExclusiveClaim(SQLModel, table=True):
    """An order's place in the queue for a number or card that one order at a time works on."""

    __tablename__ = "exclusive_claim"  # pyright: ignore[reportAssignmentType]

    resource: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True, index=True)
    claimed_at: datetime = _time()


class OrderOutcome(SQLModel, table=True):
    """The frozen outcome of a version: all that sync, archive and broadcast read.

    `results` is the result manifest, of an order with many lines.
    """

    __tablename__ = "order_outcome"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index("ix_order_outcome_sealed", "sealed_at", "order_no", "version"),)

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    state: str
    sealed_at: datetime = _time()
    primary_tag: str
    tags: list[str] = _json(default_factory=list)
    summary: dict[str, Any] = _json(default_factory=dict)
    evidence: bytes = Field(sa_type=LargeBinary)
    results: bytes | None = Field(default=None, sa_type=LargeBinary)


class PlatformSync(SQLModel, table=True):
    """What the business platform answered for a version of an order."""

    __tablename__ = "platform_sync"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    synced_at: datetime = _time()
    status: int
    answer: str


class ArchiveEntry(SQLModel, table=True):
    """The index of the archive: where the evidence of a version lies, and its checksum."""

    __tablename__ = "archive_entry"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    bucket: str
    key: str
    sha256: str
    size_bytes: int
    archived_at: datetime = _time(index=True)


class ArchiveTag(SQLModel, table=True):
    """A tag of an archived version."""

    __tablename__ = "archive_tag"  # pyright: ignore[reportAssignmentType]

    tag: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)


class ResultManifest(SQLModel, table=True):
    """Where the result manifest of an archived version lies: what became of each line."""

    __tablename__ = "result_manifest"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    bucket: str
    key: str
    sha256: str
    size_bytes: int
    line_count: int


class OrderCommand(SQLModel, table=True):
    """What a person asked for: who, why, and what came of it. The relay carries it out.

    `act_id` is the act, if it was asked of many orders at once.
    """

    __tablename__ = "order_command"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("ix_order_command_kind", "kind", "asked_at"),
        _few("ix_order_command_due", "due_at", where="done_at IS NULL"),
        _few("ix_order_command_act", "act_id", "state", where="act_id IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    order_no: str = Field(index=True)
    kind: str
    reason: str
    asked_by: str
    asked_at: datetime = _time()
    details: dict[str, Any] = _json(default_factory=dict)
    state: str
    answer: str | None = None
    due_at: datetime = _time()
    done_at: datetime | None = _time(default=None)
    act_id: str | None = None


class Subscriber(SQLModel, table=True):
    """Someone who is told: where, with which secret, and of what.

    A URL with a password is sealed, and shown without it. `failing_since` is the first failure
    since it answered last. While its breaker is not closed nothing is sent until `open_until`,
    then as much as `recovery` allows; `paced_until` is how far its rate is used up. The old
    secret, sealed too, signs beside the new one until it is erased. `recovered_at` is when it
    last answered again after a time of silence, `recovery_told_at` when Prefect heard of that.
    """

    __tablename__ = "subscriber"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (_few("ix_subscriber_lines", "id", where="policy = 'lines'"),)

    id: str = Field(primary_key=True)
    name: str
    kind: str
    agent: str | None = None
    url: str
    sealed_url: bytes | None = Field(default=None, sa_type=LargeBinary)
    sealed_secret: bytes = Field(sa_type=LargeBinary)
    event_types: list[str] = _json(default_factory=list)
    tags: list[str] = _json(default_factory=list)
    agents: list[str] = _json(default_factory=list)
    schedule: str = "standard"
    acknowledgement: str = "2xx"
    concurrency: int | None = None
    rate_per_second: float | None = None
    latest_only: bool = False
    body: str = Field(default="cloudevents", sa_column_kwargs={"server_default": "cloudevents"})
    masking: list[str] = _json(
        default_factory=list, sa_column_kwargs={"server_default": text("'[]'")}
    )
    sealed_old_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    old_secret_until: datetime | None = _time(default=None)
    policy: str = "final"
    lines_every_seconds: int = 10
    hub_query: str | None = None
    state: str = Field(default="active", index=True)
    created_at: datetime = _time()
    disabled_at: datetime | None = _time(default=None)
    disabled_because: str | None = None
    failing_since: datetime | None = _time(default=None)
    warned_at: datetime | None = _time(default=None)
    open_until: datetime | None = _time(default=None)
    recovery: int = 0
    paced_until: datetime | None = _time(default=None)
    recovered_at: datetime | None = _time(default=None)
    recovery_told_at: datetime | None = _time(default=None)


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
    failures: list[dict[str, Any]] = _json(default_factory=list)
    ended_at: datetime = _time()


class LineNotice(SQLModel, table=True):
    """How far the lines of an order that ended have been told to those of one interval.

    All up to `told_place` are told; the rest is due at `due_at`, None if there is none.
    """

    __tablename__ = "line_notice"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (_few("ix_line_notice_due", "due_at", where="due_at IS NOT NULL"),)

    order_no: str = Field(primary_key=True)
    every_seconds: int = Field(primary_key=True)
    told_place: int = 0
    due_at: datetime | None = _time(default=None)


class PushEvent(SQLModel, table=True):
    """Something that happened to an order; `sequence` counts the events of the order.

    `position` is its place in the feed of all events, given once it is committed; `tags` are
    those that the order had then.
    """

    __tablename__ = "push_event"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        UniqueConstraint("order_no", "sequence"),
        _few("ix_push_event_position", "position", where="position IS NOT NULL", unique=True),
        _few("ix_push_event_unnumbered", "order_no", "sequence", where="position IS NULL"),
        Index("ix_push_event_occurred", "occurred_at", "id"),
    )

    id: uuid.UUID = Field(primary_key=True)
    order_no: str
    version: int
    sequence: int
    type: str = Field(index=True)
    occurred_at: datetime = _time()
    data: dict[str, Any] = _json(default_factory=dict)
    tags: list[str] = _json(default_factory=list)
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
        _few(
            "ix_push_delivery_due",
            "subscriber_id",
            "due_at",
            "sequence",
            where="due_at IS NOT NULL",
        ),
        _few(
            "ix_push_delivery_pending",
            "subscriber_id",
            "order_no",
            "sequence",
            "created_at",
            where="ended_at IS NULL",
        ),
        _few("ix_push_delivery_leased", "subscriber_id", where="leased_until IS NOT NULL"),
        Index("ix_push_delivery_subscriber", "subscriber_id", "created_at"),
        Index("ix_push_delivery_lane", "order_no", "subscriber_id", "state", "sequence"),
        Index("ix_push_delivery_state", "state", "created_at"),
        _few("ix_push_delivery_replay", "replay_id", "state", where="replay_id IS NOT NULL"),
    )

    id: uuid.UUID = Field(primary_key=True)
    event_id: uuid.UUID = Field(foreign_key="push_event.id")
    subscriber_id: str = Field(foreign_key="subscriber.id")
    order_no: str
    sequence: int
    state: str
    attempts: int = 0
    tries: int = 0
    due_at: datetime | None = _time(default=None)
    leased_until: datetime | None = _time(default=None)
    leased_by: str | None = None
    created_at: datetime = _time()
    ended_at: datetime | None = _time(default=None)
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
    started_at: datetime = _time()
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
    occurred_at: datetime = _time()
    event_id: uuid.UUID


class OperatorAlert(SQLModel, table=True):
    """Something that a person must hear of; `sent_at` is when somebody was told."""

    __tablename__ = "operator_alert"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (_few("ix_operator_alert_unsent", "created_at", where="sent_at IS NULL"),)

    key: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    kind: str
    subject: str
    text: str = Field(sa_type=Text)
    created_at: datetime = _time()
    sent_at: datetime | None = _time(default=None)
    tries: int = 0
    due_at: datetime | None = _time(default=None)


class PushReplay(SQLModel, table=True):
    """A replay: which pushes go out once more, who asked and why, and how far it has come.

    One of an `agent` is for its own subscribers alone.
    The cursor is the last event and subscriber that were looked at, in the order of events.
    `next_push_at` is when the next push may fall due, `due_at` when the relay looks again.
    """

    __tablename__ = "push_replay"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (_few("ix_push_replay_running", "due_at", where="state = 'running'"),)

    id: str = Field(primary_key=True)
    event_id: uuid.UUID | None = None
    order_no: str | None = Field(default=None, index=True)
    subscriber_id: str | None = None
    agent: str | None = None
    since: datetime | None = _time(default=None)
    until: datetime = _time()
    states: list[str] = _json(default_factory=list)
    verdict: str | None = None
    per_second: float
    reason: str = Field(sa_type=Text)
    asked_by: str
    asked_at: datetime = _time(index=True)
    state: str
    expected: int = 0
    put_back: int = 0
    made: int = 0
    cursor_at: datetime | None = _time(default=None)
    cursor_event: uuid.UUID | None = None
    cursor_subscriber: str | None = None
    is_read: bool = False
    next_push_at: datetime = _time()
    due_at: datetime = _time()
    ended_at: datetime | None = _time(default=None)
