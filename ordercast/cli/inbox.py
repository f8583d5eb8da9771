"""`ordercast inbox`: messages as they came, and what became of them."""

from typing import Annotated

import typer

from ordercast.cli.showing import show_table
from ordercast.domain.errors import Problem
from ordercast.store import inbox
from ordercast.store.engine import database
from ordercast.store.inbox import MessageOutcome

app = typer.Typer(help="Messages as they came, and what became of them.", no_args_is_help=True)


@app.command("list")
def list_messages(
    outcome: Annotated[MessageOutcome | None, typer.Option(help="for instance refused")] = None,
    limit: Annotated[int, typer.Option(help="rows to show")] = 50,
) -> None:
    """List messages, the newest first; never their content, which may hold secrets."""
    with database().read() as session:
        found = inbox.messages(session, outcome=outcome, limit=limit)
    rows = [
        (
            row.id,
            row.received_at,
            row.source,
            row.agent,
            row.dialect,
            row.outcome,
            row.order_no,
            row.size_bytes,
        )
        for row in found
    ]
    columns = ["message", "received (UTC)", "from", "agent", "dialect", "outcome", "order", "bytes"]
    show_table(f"{len(rows)} messages", columns, rows)


@app.command()
def show(message_id: Annotated[str, typer.Argument(help="the message's id")]) -> None:
    """Show why a message was refused, field by field."""
    with database().read() as session:
        found = inbox.message(session, message_id)
    typer.echo(f"{found.id}: {found.outcome}, {found.size_bytes} bytes, SHA-256 {found.sha256}")
    for problem in found.problems:
        typer.echo(str(Problem(**problem)))
