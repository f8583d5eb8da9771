"""Replays of what has ended since a time, and an index of what was given up."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Go from 0015 to 0016."""
    op.add_column(
        "push_replay", sa.Column("ended_since", sa.DateTime(timezone=True), nullable=True)
    )
    condition = sa.text("state = 'gave-up'")
    op.create_index(
        "ix_push_delivery_gave_up",
        "push_delivery",
        ["state", "ended_at"],
        postgresql_where=condition,
        sqlite_where=condition,
    )
