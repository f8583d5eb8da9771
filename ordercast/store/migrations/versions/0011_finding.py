"""Finding orders."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

WALKED = ("ordered_at", "order_no")
"""Lists of orders go by these, the newest first."""


def upgrade() -> None:
    """Go from 0010 to 0011."""
    op.create_table(
        "order_subject",
        sa.Column("hash", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "order_no"),
        sqlite_with_rowid=False,
    )
    for name in ("state", "agent", "ordered_at"):
        op.drop_index(f"ix_service_order_{name}", "service_order")
    op.create_index("ix_service_order_ordered", "service_order", WALKED)
    op.create_index("ix_service_order_state", "service_order", ["state", *WALKED])
    op.create_index("ix_service_order_agent", "service_order", ["agent", *WALKED])
    op.create_index("ix_service_order_external_id", "service_order", ["external_id"])
    is_stuck = sa.text("waiting_for IN ('parked', 'operator')")
    op.create_index(
        "ix_order_run_stuck",
        "order_run",
        ["waiting_for", "order_no"],
        postgresql_where=is_stuck,
        sqlite_where=is_stuck,
    )
