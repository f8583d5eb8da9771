"""The hour of a moment, worked out by the database: `2026-11-22 08`, in UTC."""

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

FORMAT = "%Y-%m-%d %H"


class hour_of(FunctionElement[str]):  # noqa: N801 (used like a function of SQL)
    """The hour of a moment, as a text that sorts by time."""

    type = String()
    inherit_cache = True


@compiles(hour_of, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 13)"


@compiles(hour_of, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"


def hour_text(moment: datetime) -> str:
    """The hour of an aware UTC moment, as `hour_of` has it."""
    return moment.strftime(FORMAT)
