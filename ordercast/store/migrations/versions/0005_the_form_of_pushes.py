"""What subscribers are sent: a push dialect, what is masked, and an old secret for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Go from 0004 to 0005."""
    op.add_column(
        "subscriber",
        sa.Column("body", sa.String(), nullable=False, server_default="cloudevents"),
    )
    op.add_column(
        "subscriber",
        sa.Column("masking", sa.JSON(), nullable=False, server_default=sa.text("'[]'")),
    )
    op.add_column("subscriber", sa.Column("sealed_old_secret", sa.LargeBinary(), nullable=True))
    op.add_column(
        "subscriber", sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True)
    )
