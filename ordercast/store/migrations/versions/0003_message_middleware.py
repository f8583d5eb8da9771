"""Where messages came from and are answered, addresses with passwords, and listeners."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go from 0002 to 0003."""
    op.add_column("inbox_message", sa.Column("queue", sa.String(), nullable=True))
    condition = sa.text("queue IS NOT NULL")
    op.create_index(
        "ix_inbox_message_queue",
        "inbox_message",
        ["queue", "sha256"],
        postgresql_where=condition,
        sqlite_where=condition,
    )
    op.add_column("service_order", sa.Column("reply_to", sa.String(), nullable=True))
    op.add_column("service_order", sa.Column("correlation_id", sa.String(), nullable=True))
    op.add_column("subscriber", sa.Column("sealed_url", sa.LargeBinary(), nullable=True))
    op.create_table(
        "listener_beat",
        sa.Column("listener", sa.String(), nullable=False),
        sa.Column("broker", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("listener"),
    )
