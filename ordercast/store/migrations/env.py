"""How Alembic reaches the database: the connection is handed over by `migrating.upgrade`."""

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel

from ordercast.store import (
    columns,
    fallout_tables,
    finding_tables,
    key_tables,
    people_tables,
    push_tables,
    rounds_tables,
    tables,
)

MODULES = (
    fallout_tables,
    finding_tables,
    key_tables,
    people_tables,
    push_tables,
    rounds_tables,
    tables,
)
"""Their definitions fill the metadata."""


def _render(kind: str, value: Any, _autogenerate: Any) -> str | Literal[False]:
    """Revisions name plain types, so that they stand whatever becomes of ours."""
    if kind == "type" and isinstance(value, columns.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(value).__name__ == "AutoString":
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
