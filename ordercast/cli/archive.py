"""`ordercast archive`: find evidence by tag and time, read it, and verify that it is whole."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from ordercast.archive.json_text import NotReadable, readable
from ordercast.archive.verifying import differences
from ordercast.cli.archive_buckets import buckets
from ordercast.cli.archive_by_block import default_archive
from ordercast.cli.showing import complain
from ordercast.domain.moments import parse_moment
from ordercast.store import archive as index
from ordercast.store.clock import now
from ordercast.store.engine import Database, database

app = typer.Typer(help="The archive: find, show, get, verify, buckets.", no_args_is_help=True)
app.command("buckets")(buckets)


def moment(text: str) -> datetime:
    """A time by ISO 8601, UTC unless it says otherwise, or as how long ago: 30m, 24h, 7d, 2w."""
    try:
        return parse_moment(text, at=now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", "-t", help="With this tag; repeat it, and every one must hold."),
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="WHEN", help="Archived at this time or later."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="WHEN", help="Archived before this time."),
]


@app.command()
def find(
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    agent: Annotated[str | None, typer.Option(help="Of this agent.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    offset: Annotated[int, typer.Option(min=0, help="After so many.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON array.")] = False,
) -> None:
    """List archived orders, the last archived first. WHEN: 2026-11-22, or 24h, 7d ago."""
    wanted = index.ArchiveFilter(tags=tuple(tag or ()), since=since, until=until, agent=agent)
    with database().read() as session:
        found = index.find(session, wanted, limit=limit, offset=offset)
        total = index.count(session, wanted)
    if as_json:
        print(json.dumps([_as_json(entry) for entry in found], ensure_ascii=False, indent=2))
    else:
        Console().print(_table(found), f"{len(found)} of {total}")


@app.command()
def get(
    order_no: Annotated[str, typer.Argument(help="The order's number.")],
    version: Annotated[int | None, typer.Option(min=1, help="Not the latest version.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
    raw: Annotated[bool, typer.Option(help="The bytes as they are kept, compressed.")] = False,
) -> None:
    """Print the evidence of an order as readable JSON; exit 1 if it was altered."""
    with database().read() as session:
        entry = index.entry(session, order_no, version)
    found = sha256()
    pieces = _watched(default_archive().read(entry.bucket, entry.key), found.update)
    try:
        _write(pieces if raw else readable(pieces), out)
    except NotReadable as problem:
        complain(f"{entry.bucket}/{entry.key} cannot be read, {problem}: --raw gives its bytes")
        raise typer.Exit(1) from None
    if found.hexdigest() != entry.sha256:
        complain(f"{entry.bucket}/{entry.key} was altered: its SHA-256 is not {entry.sha256}")
        raise typer.Exit(1)


@app.command()
def show(
    order_no: Annotated[str, typer.Argument(help="The order's number.")],
    version: Annotated[int | None, typer.Option(min=1, help="Not the latest version.")] = None,
) -> None:
    """Show where the evidence of an order lies, and until when it is locked."""
    with database().read() as session:
        entry = index.entry(session, order_no, version)
    stored = default_archive().stat(entry.bucket, entry.key)
    if stored is None:
        complain(f"{entry.bucket}/{entry.key} is missing")
        raise typer.Exit(1)
    until = stored.locked_until
    locked = f"{until:%Y-%m-%d %H:%M:%S} ({stored.lock_mode})" if until else "not locked"
    facts = {
        "order": f"{entry.order_no}, version {entry.version}",
        "state": entry.state,
        "what": entry.title,
        "tags": ", ".join(entry.tags),
        "archived (UTC)": f"{entry.archived_at:%Y-%m-%d %H:%M:%S}",
        "object": f"{entry.bucket}/{entry.key}",
        "size": f"{stored.size_bytes} bytes",
        "SHA-256": entry.sha256,
        "locked until (UTC)": locked,
    }
    for name, fact in facts.items():
        print(f"{name:>18}: {fact}")


@app.command()
def verify(tag: Tags = None, since: Since = None, until: Until = None) -> None:
    """Read every object again and name what is missing, altered or unlike the index."""
    wanted = index.ArchiveFilter(tags=tuple(tag or ()), since=since, until=until)
    archive = default_archive()
    with database().read() as session:
        total = index.count(session, wanted)
    checked, faults = 0, []
    for entry in _with_progress(entries(database(), wanted), total):
        checked += 1
        faults += [(entry, problem) for problem in differences(archive, entry)]
        if entry.results:
            wrong = differences(archive, entry.results)
            faults += [(entry, f"result manifest: {problem}") for problem in wrong]
    faulty = len({(entry.order_no, entry.version) for entry, _ in faults})
    if faults:
        Console().print(_fault_table(faults))
    print(f"{checked} checked, {faulty} faulty")
    raise typer.Exit(1 if faults else 0)


def entries(
    opened: Database, wanted: index.ArchiveFilter, *, page: int = 500
) -> Iterator[index.ArchivedVersion]:
    """Every entry of that kind, read by pages; no transaction is held between them."""
    after: tuple[str, int] | None = None
    while True:
        with opened.read() as session:
            found = index.page_after(session, wanted, after=after, limit=page)
        yield from found
        if len(found) < page:
            return
        after = (found[-1].order_no, found[-1].version)


def _watched(pieces: Iterable[bytes], watch: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        watch(piece)
        yield piece


def _write(pieces: Iterator[bytes], out: Path | None) -> None:
    pieces = chain([next(pieces, b"")], pieces)  # what is missing leaves no empty file behind
    if out is None:
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.flush()
        return
    try:
        with out.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise typer.BadParameter(f"cannot write {out}: {error.strerror}") from None


def _as_json(entry: index.ArchivedVersion) -> dict[str, Any]:
    return {**asdict(entry), "archived_at": entry.archived_at.isoformat()}


def _table(found: Iterable[index.ArchivedVersion]) -> Table:
    table = Table("order", "version", "state", "title", "tags", "archived (UTC)", "object")
    for entry in found:
        table.add_row(
            entry.order_no,
            str(entry.version),
            entry.state or "",
            Text(entry.title or ""),
            Text(", ".join(entry.tags)),
            f"{entry.archived_at:%Y-%m-%d %H:%M:%S}",
            Text(f"{entry.bucket}/{entry.key}", overflow="fold"),
        )
    return table


def _fault_table(faults: Iterable[tuple[index.ArchivedVersion, str]]) -> Table:
    table = Table("order", "version", "object", "what is wrong")
    for entry, problem in faults:
        place = Text(f"{entry.bucket}/{entry.key}", overflow="fold")
        table.add_row(entry.order_no, str(entry.version), place, Text(problem, overflow="fold"))
    return table


def _with_progress(
    found: Iterable[index.ArchivedVersion], total: int
) -> Iterable[index.ArchivedVersion]:
    console = Console(stderr=True)
    return track(
        found,
        "Verifying",
        total=total,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
