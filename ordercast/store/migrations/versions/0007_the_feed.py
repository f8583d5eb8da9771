"""The feed of all events, queries of the hub, news of devices, tries of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

POSITIONS = """
UPDATE push_event SET position = numbered.position
FROM (
    SELECT id, row_number() OVER (ORDER BY not_before, order_no, sequence) AS position
    FROM (
        SELECT id, order_no, sequence,
            max(occurred_at) OVER (PARTITION BY order_no ORDER BY sequence) AS not_before
        FROM push_event
    ) AS told
) AS numbered
WHERE push_event.id = numbered.id
"""
HEAD = "INSERT INTO feed_head (name, position) SELECT 'events', count(*) FROM push_event"


def upgrade() -> None:
    """Go from 0006 to 0007: what was told already comes first in the feed, by its time."""
    counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("push_event", sa.Column("position", counter, nullable=True))
    op.add_column(
        "push_event", sa.Column("tags", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
    )
    op.add_column("subscriber", sa.Column("hub_query", sa.String(), nullable=True))
    op.create_table(
        "feed_head",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", counter, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.execute(POSITIONS)
    op.execute(HEAD)
    _few("ix_push_event_position", ["position"], "position IS NOT NULL", unique=True)
    _few("ix_push_event_unnumbered", ["order_no", "sequence"], "position IS NULL")
    op.create_table(
        "device_news",
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "device"),
    )
    tries = sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0"))
    op.add_column("operator_alert", tries)
    due_at = sa.Column("due_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("operator_alert", due_at)


def _few(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        name,
        "push_event",
        columns,
        unique=unique,
        postgresql_where=condition,
        sqlite_where=condition,
    )
