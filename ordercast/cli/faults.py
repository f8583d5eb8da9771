"""Faults in words: what Ordercast raises on purpose, or a database that cannot be used, ends a
command with its text and status 1."""

from typing import Any

from rich.console import Console
from sqlalchemy.exc import ProgrammingError
from typer.core import TyperGroup

from ordercast.domain.errors import InvalidMessage, OrdercastError
from ordercast.store.engine import DATABASE_AWAY

DATABASE = (
    "The database cannot be used: {why}. ORDERCAST_HOME or ORDERCAST_DATABASE__URL says which it"
    " is, `ordercast db upgrade` makes its tables, `ordercast doctor` says what else is wrong."
)
NO_SUCH_TABLE, NO_SUCH_COLUMN = "42P01", "42703"
"""What PostgreSQL says of a database that is empty, or of an earlier version."""


class ToldInWords(TyperGroup):
    """A group of commands whose faults are told in words."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OrdercastError as error:
            tell(error)
        except DATABASE_AWAY as fault:
            tell(_in_words(fault))
        except ProgrammingError as fault:
            if getattr(fault.orig, "sqlstate", None) not in (NO_SUCH_TABLE, NO_SUCH_COLUMN):
                raise
            tell(_in_words(fault))
        raise SystemExit(1)


def _in_words(fault: Exception) -> OrdercastError:
    why = str(getattr(fault, "orig", None) or fault).partition("\n")[0]
    return OrdercastError(DATABASE.format(why=why.rstrip(".")))


def tell(error: OrdercastError) -> None:
    """Print what is wrong, one problem a line."""
    console = Console(stderr=True, highlight=False)
    lines = error.problems if isinstance(error, InvalidMessage) else [error]
    for line in lines:
        console.print(str(line), style="red", markup=False, soft_wrap=True)
    if isinstance(error, InvalidMessage) and error.message_id:
        console.print(f"The message is kept as {error.message_id}.", markup=False)
