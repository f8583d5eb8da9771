"""The commands of `ordercast`; each is imported when it is asked for, for all take a second."""

from collections import UserDict
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command, get_group

from ordercast.cli.faults import ToldInWords

COMMANDS = {
    "up": "up:up",
    "demo": "demo:demo",
    "serve": "serve:serve",
    "doctor": "doctor:doctor",
    "submit": "sending:submit",
    "report": "sending:report",
    "reconcile": "reconciling:reconcile",
    "audit": "audit:show_audit",
    "orders": "orders:app",
    "fallout": "fallout:app",
    "pushes": "pushes:app",
    "subscribers": "subscribers:app",
    "users": "users:app",
    "keys": "keys:app",
    "alerts": "alerts:app",
    "automations": "automations:app",
    "receiver": "receiver:app",
    "dialect": "dialects:app",
    "archive": "archive:app",
    "inbox": "inbox:app",
    "db": "database:app",
}
"""By name: the module of this package, and in it a function or a group of commands."""


class Imported(UserDict[str, Any]):
    """The commands by name, each imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = super().__getitem__(name).partition(":")
        found = getattr(import_module(f"ordercast.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command: Any = get_group(found)
        else:
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command()(found)
            command = get_command(alone)
        command.name = name
        return command


class Commands(ToldInWords):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Imported(COMMANDS)


app = typer.Typer(
    name="ordercast", no_args_is_help=True, pretty_exceptions_enable=False, cls=Commands
)


@app.callback()
def ordercast() -> None:
    """Carries telecom orders to completion and tells everyone about it."""
