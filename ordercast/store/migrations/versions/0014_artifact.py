"""The artifact that a run has in Prefect, so that it is rewritten and not followed by others."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Go from 0013 to 0014."""
    op.add_column("order_run", sa.Column("artifact_id", sa.Uuid(), nullable=True))
