"""Replays."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Go from 0007 to 0008."""
    op.create_index("ix_push_event_occurred", "push_event", ["occurred_at", "id"])
    op.add_column("push_delivery", sa.Column("replay_id", sa.String(), nullable=True))
    _index_few(
        "ix_push_delivery_replay", "push_delivery", ["replay_id", "state"], "replay_id IS NOT NULL"
    )
    op.create_table(
        "push_replay",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("order_no", sa.String(), nullable=True),
        sa.Column("subscriber_id", sa.String(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("states", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("per_second", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("put_back", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("cursor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor_event", sa.Uuid(), nullable=True),
        sa.Column("cursor_subscriber", sa.String(), nullable=True),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("next_push_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_push_replay_order_no", "push_replay", ["order_no"])
    op.create_index("ix_push_replay_asked_at", "push_replay", ["asked_at"])
    _index_few("ix_push_replay_running", "push_replay", ["due_at"], "state = 'running'")


def _index_few(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)
