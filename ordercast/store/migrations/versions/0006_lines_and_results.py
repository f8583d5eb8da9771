"""Who is told as lines end, of which lines, and where the results of many lines lie."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Go from 0005 to 0006."""
    policy = sa.Column("policy", sa.String(), nullable=False, server_default="final")
    every = sa.Column("lines_every_seconds", sa.Integer(), nullable=False, server_default="10")
    op.add_column("subscriber", policy)
    op.add_column("subscriber", every)
    _few("ix_subscriber_lines", "subscriber", "id", where="policy = 'lines'")
    op.add_column("order_outcome", sa.Column("results", sa.LargeBinary(), nullable=True))
    op.create_table(
        "line_end",
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_no", "line_no"),
    )
    op.create_index("ix_line_end_place", "line_end", ["order_no", "place"])
    op.create_table(
        "line_notice",
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("every_seconds", sa.Integer(), nullable=False),
        sa.Column("told_place", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_no", "every_seconds"),
    )
    _few("ix_line_notice_due", "line_notice", "due_at", where="due_at IS NOT NULL")
    op.create_table(
        "result_manifest",
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_no", "version"),
    )


def _few(name: str, table: str, column: str, *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], postgresql_where=condition, sqlite_where=condition)
