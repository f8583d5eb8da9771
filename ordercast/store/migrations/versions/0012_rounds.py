"""Rounds: overdue work, forecasts, undo work orders, and what is erased."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Go from 0011 to 0012."""
    op.add_column("work_order", sa.Column("service_seconds", sa.Integer(), nullable=True))
    op.add_column("work_order", sa.Column("undoes", sa.String(), nullable=True))
    op.add_column("work_order", sa.Column("withdrawn_at", TIME, nullable=True))
    op.create_index(
        "ix_order_outcome_sealed", "order_outcome", ["sealed_at", "order_no", "version"]
    )
    _index_few("ix_inbox_message_origin", "inbox_message", "translated_from")
    op.create_table(
        "round_turn",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        *(sa.Column(name, TIME, nullable=True) for name in ("held_until", "began_at", "ended_at")),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _make_sweep_tables()
    op.create_table(
        "erased_order",
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("personal_at", TIME, nullable=True),
        sa.Column("ledger_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("order_no"),
    )


def _make_sweep_tables() -> None:
    taken = ("next_at", "reminded_at", "alerted_at", "failed_at")
    op.create_table(
        "overdue_work",
        sa.Column("work_order_id", sa.String(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        *(sa.Column(name, TIME, nullable=True) for name in taken),
        sa.PrimaryKeyConstraint("work_order_id", "due_at"),
    )
    op.create_index("ix_overdue_work_order_no", "overdue_work", ["order_no"])
    _index_few("ix_overdue_work_next", "overdue_work", "next_at")
    op.create_table(
        "order_forecast",
        sa.Column("order_no", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(
            sa.Column(name, TIME, nullable=True)
            for name in ("promised_at", "expected_at", "endangered_at", "look_at")
        ),
        sa.Column("late_work_order", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("order_no"),
    )
    _index_few("ix_order_forecast_look", "order_forecast", "look_at")


def _index_few(name: str, table: str, column: str) -> None:
    condition = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, [column], postgresql_where=condition, sqlite_where=condition)
