"""Faults in words: what Ordercast raises on purpose ends a command with its text and status 1."""

from typing import Any

from rich.console import Console
from typer.core import TyperGroup

from ordercast.domain.errors import InvalidMessage, OrdercastError


class ToldInWords(TyperGroup):
    """The group of all commands."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OrdercastError as error:
            tell(error)
            raise SystemExit(1) from None


def tell(error: OrdercastError) -> None:
    """Print what is wrong, one problem a line."""
    console = Console(stderr=True, highlight=False)
    lines = error.problems if isinstance(error, InvalidMessage) else [error]
    for line in lines:
        console.print(str(line), style="red", markup=False, soft_wrap=True)
    if isinstance(error, InvalidMessage) and error.message_id:
        console.print(f"The message is kept as {error.message_id}.", markup=False)
