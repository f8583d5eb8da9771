"""`ordercast receiver`: a small receiver for trying pushes, and why a signature fails."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from config.settings import settings
from ordercast.cli.showing import show_json, show_table
from ordercast.contracts.subscriber import Acknowledgement
from ordercast.delivery.signing import problem_with_secret
from ordercast.domain.errors import InvalidMessage, OrdercastError, Problem
from ordercast.domain.moments import parse_moment
from ordercast.receiver.checking import Check, check, in_words
from ordercast.receiver.misbehaving import Manners, Misbehaviour
from ordercast.receiver.server import Receiver, serve
from ordercast.receiver.signatures import HEADERS, Received
from ordercast.store import subscribers
from ordercast.store.engine import database

app = typer.Typer(help="A small receiver, and why a signature fails.", invoke_without_command=True)
MOST_SUBSCRIBERS = 10_000


@app.callback()
def receive(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 9000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    secret: Annotated[
        str | None, typer.Option(help="Signing secret; without it nothing is verified.")
    ] = None,
    acknowledgement: Annotated[
        Acknowledgement, typer.Option(help="How it says that it took a push.")
    ] = Acknowledgement.STATUS,
    misbehave: Annotated[Misbehaviour | None, typer.Option(help="What it does wrong.")] = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="The share of pushes it does wrong by.")
    ] = 1.0,
    slow_seconds: Annotated[float, typer.Option(min=0, help="How slow is slow.")] = 20,
) -> None:
    """Take pushes, verify each, and print it in one line, until Ctrl-C."""
    if ctx.invoked_subcommand:
        return
    if secret and (problem := problem_with_secret(secret)):
        raise InvalidMessage([problem])
    manners = Manners(acknowledgement, misbehave, share, slow_seconds)
    try:
        server = serve(Receiver(manners, _tell, secret), host, port)
    except OSError as fault:
        cure = "use another --port"
        raise InvalidMessage([Problem("port", f"{port}: {fault.strerror}", cure)]) from None
    _tell(f"listening on http://{host}:{server.server_port}/")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def _tell(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


@app.command("check")
def check_signature(
    secret: Annotated[str, typer.Option(help="The secret that the receiver verifies with.")],
    headers: Annotated[Path, typer.Option(exists=True, help="JSON, or lines `name: value`.")],
    body: Annotated[Path, typer.Option(exists=True, help="The body, byte by byte.")],
    received_at: Annotated[
        str | None, typer.Option(metavar="WHEN", help="When it came; now, if it is left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a signature fails: the first difference, and how far the clock is off."""
    received = Received.of(_read_headers(headers), body.read_bytes())
    found = check(received, secret, at=_moment(received_at), others=_others())
    if as_json:
        show_json(_as_dict(found))
    else:
        _print(found)
    raise typer.Exit(found.difference is not None)


def _moment(text: str | None) -> datetime:
    now = datetime.now(UTC)
    try:
        return parse_moment(text, at=now) if text else now
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _read_headers(path: Path) -> dict[str, str]:
    """As JSON, or as the lines that HTTP clients and servers print."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        document = json.loads(text)
    except ValueError:
        pairs = (line.lstrip("<> ").partition(":") for line in text.splitlines())
        return {name.strip(): value.strip() for name, colon, value in pairs if colon}
    if not isinstance(document, dict):
        cure = f"give an object with {', '.join(HEADERS)}"
        raise InvalidMessage([Problem("headers", "is no JSON object", cure)])
    return {str(name): str(value) for name, value in document.items()}


def _others() -> dict[str, str]:
    """The secrets of the subscribers, by name, where there is a database and its key."""
    found: dict[str, str] = {}
    if not _is_there():
        return found
    try:
        with database().read() as session:
            _, page = subscribers.listing(session, limit=MOST_SUBSCRIBERS)
            for each in page:
                found[f"{each.name} ({each.id})"] = subscribers.secret_of(each)
    except (OrdercastError, OSError, SQLAlchemyError):
        return found
    return found


def _is_there() -> bool:
    """Whether there is a database: a receiver's machine has none, and gets none."""
    chosen = settings()
    return bool(chosen.database.url) or (chosen.home / "ordercast.db").exists()


def _as_dict(found: Check) -> dict[str, object]:
    difference = found.difference
    return {
        "holds": difference is None,
        "difference": difference,
        "meaning": difference.meaning._asdict() if difference else None,
        "remedy": difference.remedy._asdict() if difference else None,
        "detail": found.detail,
        "skew_seconds": found.skew_seconds,
    }


def _print(found: Check) -> None:
    clock = "unknown" if found.skew_seconds is None else in_words(found.skew_seconds)
    if found.difference is None:
        return show_table("The signature holds", ["", ""], [("clock", clock)])
    rows = [
        ("difference", found.difference),
        ("meaning", found.difference.meaning.en),
        ("", found.difference.meaning.zh),
        ("detail", found.detail),
        ("what to do", found.difference.remedy.en),
        ("", found.difference.remedy.zh),
        ("clock", clock),
    ]
    return show_table("The signature fails", ["", ""], rows)
