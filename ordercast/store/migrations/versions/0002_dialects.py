"""Messages in a partner's dialect, and work orders with the parameters of a command."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Go from 0001 to 0002."""
    op.add_column("inbox_message", sa.Column("dialect", sa.String(), nullable=True))
    op.add_column("inbox_message", sa.Column("translated_from", sa.String(), nullable=True))
    op.add_column(
        "work_order",
        sa.Column("parameters", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
    )
