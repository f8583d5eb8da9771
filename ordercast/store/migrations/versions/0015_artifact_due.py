"""When a run's artifact is to be written: the relay does it, not the segment."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Go from 0014 to 0015."""
    op.add_column("order_run", sa.Column("artifact_at", sa.DateTime(timezone=True), nullable=True))
    condition = sa.text("artifact_at IS NOT NULL")
    op.create_index(
        "ix_order_run_artifact",
        "order_run",
        ["artifact_at"],
        postgresql_where=condition,
        sqlite_where=condition,
    )
