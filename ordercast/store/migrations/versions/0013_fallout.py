"""Fallout: why orders came to a stop, and what was asked of many of them at once."""

import sqlalchemy as sa
from alembic import op

from ordercast.domain.causes import cause_of, shape_of

revision = "0013"
down_revision = "0012"

FAILED = "state = 'failed'"
PENDING = "ended_at IS NULL"


def upgrade() -> None:
    """Go from 0012 to 0013."""
    for table, column in (
        ("work_order", "cause"),
        ("order_run", "cause"),
        ("order_command", "act_id"),
    ):
        op.add_column(table, sa.Column(column, sa.String(), nullable=True))
    _say_why()
    _index_few("ix_work_order_failed", "work_order", ["cause", "ended_at"], FAILED)
    _index_few("ix_order_command_act", "order_command", ["act_id", "state"], "act_id IS NOT NULL")
    op.drop_index("ix_push_delivery_pending", "push_delivery")
    lag = ["subscriber_id", "order_no", "sequence", "created_at"]
    _index_few("ix_push_delivery_pending", "push_delivery", lag, PENDING)
    op.create_table(
        "fallout_act",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("cause", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=False),
        sa.Column("stopped_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_fallout_act_asked_at", "fallout_act", ["asked_at"])


def _say_why() -> None:
    """What has failed or is parked already gets its cause."""
    work, run = (
        _table("work_order", "id", "state", "code", "text"),
        _table("order_run", "order_no", "version", "waiting_for", "waiting_reason"),
    )
    there = op.get_bind()
    for row in there.execute(sa.select(work).where(work.c.state == "failed")).all():
        cause = cause_of(row.code, row.text)
        there.execute(sa.update(work).where(work.c.id == row.id).values(cause=cause))
    stopped = run.c.waiting_for.in_(["operator", "parked"])
    for row in there.execute(sa.select(run).where(stopped)).all():
        mine = (run.c.order_no == row.order_no, run.c.version == row.version)
        there.execute(sa.update(run).where(*mine).values(cause=shape_of(row.waiting_reason)))


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns), sa.column("cause"))


def _index_few(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)
