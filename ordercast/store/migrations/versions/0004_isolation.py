"""Budgets and health of subscribers, the attempts of each, and alerts for operators."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TIMES = (
    "failing_since",
    "warned_at",
    "open_until",
    "paced_until",
    "recovered_at",
    "recovery_told_at",
    "disabled_at",
)


def upgrade() -> None:
    """Go from 0003 to 0004."""
    _add_to_subscriber()
    op.add_column("push_attempt", sa.Column("subscriber_id", sa.String(), nullable=True))
    op.create_index("ix_push_attempt_subscriber", "push_attempt", ["subscriber_id", "started_at"])
    _create_few("ix_push_delivery_leased", "push_delivery", ["subscriber_id"], "leased_until")
    op.create_table(
        "operator_alert",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(
        "ix_operator_alert_unsent",
        "operator_alert",
        ["created_at"],
        postgresql_where=sa.text("sent_at IS NULL"),
        sqlite_where=sa.text("sent_at IS NULL"),
    )


def _add_to_subscriber() -> None:
    added = [
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("rate_per_second", sa.Float(), nullable=True),
        sa.Column("latest_only", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("recovery", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("disabled_because", sa.String(), nullable=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in TIMES),
    ]
    for column in added:
        op.add_column("subscriber", column)


def _create_few(name: str, table: str, columns: list[str], filled: str) -> None:
    condition = sa.text(f"{filled} IS NOT NULL")
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)
