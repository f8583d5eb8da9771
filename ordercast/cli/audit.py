"""`ordercast audit`: who did what, to what, when and why."""

import getpass
from typing import Annotated

import typer

from ordercast.cli.showing import show_json, show_table
from ordercast.store import audit
from ordercast.store.engine import database


def show_audit(
    who: Annotated[str | None, typer.Option(help="only what this user did")] = None,
    subject: Annotated[
        str | None, typer.Option(help="only what was done to this: a number, an id, a name")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="rows to show")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show the audit log, the newest first."""
    with database().read() as session:
        found = audit.newest(session, who=who, subject=subject, limit=limit)
    if as_json:
        show_json([each.model_dump(exclude={"key"}) for each in found])
        return
    rows = [
        (each.at, each.who, each.did, each.subject, each.reason, audit.in_words(each.details))
        for each in found
    ]
    columns = ["at (UTC)", "who", "did", "to", "reason", "details"]
    show_table(f"{len(rows)} acts", columns, rows)


def operator() -> str:
    """Who gives the commands, as the audit log names it: the user of this machine."""
    return f"{getpass.getuser()} (command line)"
