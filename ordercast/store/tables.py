"""The tables of orders. All times are aware UTC; states are the values of the domain's enums."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, Text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from ordercast.store.columns import COUNTER, index_of_few, json_column, moment_column

IS_STUCK = "waiting_for IN ('parked', 'operator')"


"""Of runs: what rests after a fault, or waits for a person."""


class InboxMessage(SQLModel, table=True):
    """A message as it came, sealed, with what became of it; `sealed` is empty once it is dropped.

    Of a message in a dialect there are also the orders that were made of it, in Ordercast's
    own form: each a row of its own, with the id of the message in `translated_from`.
    """

    __tablename__ = "inbox_message"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        index_of_few("ix_inbox_message_queue", "queue", "sha256", where="queue IS NOT NULL"),
        Index("ix_inbox_message_agent", "agent", "received_at"),
        index_of_few(
            "ix_inbox_message_origin", "translated_from", where="translated_from IS NOT NULL"
        ),
    )

    id: str = Field(primary_key=True)
    received_at: datetime = moment_column(index=True)
    source: str
    media_type: str
    agent: str | None = None
    external_id: str | None = None
    queue: str | None = None
    sealed: bytes = Field(sa_type=LargeBinary)
    sha256: str
    size_bytes: int
    outcome: str = Field(index=True)
    problems: list[dict[str, Any]] = json_column(default_factory=list)
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
    document: dict[str, Any] = json_column(default_factory=dict)
    products: list[str] = json_column(default_factory=list)
    ordered_at: datetime = moment_column()
    requested_start_at: datetime | None = moment_column(default=None)
    started_at: datetime | None = moment_column(default=None)
    ended_at: datetime | None = moment_column(default=None)
    cancel_requested_at: datetime | None = moment_column(default=None)
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
    document: dict[str, Any] = json_column(default_factory=dict)
    problems: list[dict[str, Any]] = json_column(default_factory=list)


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
        index_of_few("ix_work_order_failed", "cause", "ended_at", where="state = 'failed'"),
    )

    id: str = Field(primary_key=True)
    order_no: str
    line_no: int
    name: str
    team: str | None = None
    system: str | None = None
    state: str
    depends_on: list[str] = json_column(default_factory=list)
    parameters: dict[str, Any] = json_column(default_factory=dict)
    due_at: datetime = moment_column()
    created_at: datetime = moment_column()
    ended_at: datetime | None = moment_column(default=None)
    claimed_by: str | None = None
    code: str | None = None
    text: str | None = Field(default=None, sa_type=Text)
    cause: str | None = None
    report_key: int | None = Field(default=None, sa_type=COUNTER)
    service_seconds: int | None = None
    undoes: str | None = None
    withdrawn_at: datetime | None = moment_column(default=None)


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
    received_at: datetime = moment_column()


class OrderRun(SQLModel, table=True):
    """The run of one version of an order: how far it is, what it waits for, who works on it.

    `wake_at` is when the relay shall resume it; a segment's token is its right to commit. Of one
    that is parked or has failed, `cause` is the shape of the reason. `artifact_id` is what its
    flow run shows to the operators, and `artifact_at` when that is to be written anew.
    """

    __tablename__ = "order_run"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        index_of_few("ix_order_run_launch", "launch_at", where="launch_at IS NOT NULL"),
        index_of_few("ix_order_run_wake", "wake_at", where="wake_at IS NOT NULL"),
        index_of_few("ix_order_run_artifact", "artifact_at", where="artifact_at IS NOT NULL"),
        index_of_few("ix_order_run_leased", "worker", where="token IS NOT NULL"),
        index_of_few("ix_order_run_held", "order_no", where="waiting_for = 'exclusive'"),
        index_of_few("ix_order_run_in_flight", "order_no", "version", where="ended_at IS NULL"),
        index_of_few("ix_order_run_stuck", "waiting_for", "order_no", where=IS_STUCK),
    )

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    stage: str
    priority: int = 4
    start_at: datetime = moment_column()
    launch_at: datetime | None = moment_column(default=None)
    flow_run_id: uuid.UUID | None = Field(default=None, index=True)
    artifact_id: uuid.UUID | None = None
    artifact_at: datetime | None = moment_column(default=None)
    waiting_for: str | None = None
    waiting_since: datetime | None = moment_column(default=None)
    waiting_reason: str | None = Field(default=None, sa_type=Text)
    cause: str | None = None
    wake_at: datetime | None = moment_column(default=None)
    tries: int = 0
    wake_tries: int = 0
    recoveries: int = 0
    token: str | None = None
    worker: str | None = None
    ended_at: datetime | None = moment_column(default=None)


class WorkerBeat(SQLModel, table=True):
    """When a worker process was last alive."""

    __tablename__ = "worker_beat"  # pyright: ignore[reportAssignmentType]

    worker: str = Field(primary_key=True)
    beat_at: datetime = moment_column()


class ListenerBeat(SQLModel, table=True):
    """When a listener was last alive, and how it stands with its broker."""

    __tablename__ = "listener_beat"  # pyright: ignore[reportAssignmentType]

    listener: str = Field(primary_key=True)
    broker: str
    state: str
    reason: str = ""
    since: datetime = moment_column()
    beat_at: datetime = moment_column()


class ExclusiveClaim(SQLModel, table=True):
    """An order's place in the queue for a number or card that one order at a time works on."""

    __tablename__ = "exclusive_claim"  # pyright: ignore[reportAssignmentType]

    resource: str = Field(primary_key=True)
    order_no: str = Field(primary_key=True, index=True)
    claimed_at: datetime = moment_column()


class OrderOutcome(SQLModel, table=True):
    """The frozen outcome of a version: all that sync, archive and broadcast read.

    `results` is the result manifest, of an order with many lines.
    """

    __tablename__ = "order_outcome"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index("ix_order_outcome_sealed", "sealed_at", "order_no", "version"),)

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    state: str
    sealed_at: datetime = moment_column()
    primary_tag: str
    tags: list[str] = json_column(default_factory=list)
    summary: dict[str, Any] = json_column(default_factory=dict)
    evidence: bytes = Field(sa_type=LargeBinary)
    results: bytes | None = Field(default=None, sa_type=LargeBinary)


class PlatformSync(SQLModel, table=True):
    """What the business platform answered for a version of an order."""

    __tablename__ = "platform_sync"  # pyright: ignore[reportAssignmentType]

    order_no: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    synced_at: datetime = moment_column()
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
    archived_at: datetime = moment_column(index=True)


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
        index_of_few("ix_order_command_due", "due_at", where="done_at IS NULL"),
        index_of_few("ix_order_command_act", "act_id", "state", where="act_id IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    order_no: str = Field(index=True)
    kind: str
    reason: str
    asked_by: str
    asked_at: datetime = moment_column()
    details: dict[str, Any] = json_column(default_factory=dict)
    state: str
    answer: str | None = None
    due_at: datetime = moment_column()
    done_at: datetime | None = moment_column(default=None)
    act_id: str | None = None


class OperatorAlert(SQLModel, table=True):
    """Something that a person must hear of; `sent_at` is when somebody was told."""

    __tablename__ = "operator_alert"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        index_of_few("ix_operator_alert_unsent", "created_at", where="sent_at IS NULL"),
    )

    key: int | None = Field(default=None, primary_key=True, sa_type=COUNTER)
    kind: str
    subject: str
    text: str = Field(sa_type=Text)
    created_at: datetime = moment_column()
    sent_at: datetime | None = moment_column(default=None)
    tries: int = 0
    due_at: datetime | None = moment_column(default=None)
