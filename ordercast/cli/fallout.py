"""`ordercast fallout`: what has stopped by its cause, and asking the same of all of it."""

import json
from dataclasses import asdict
from hashlib import sha256
from itertools import chain, combinations
from typing import Annotated

import typer
from sqlmodel import Session

from ordercast.cli.audit import operator
from ordercast.cli.showing import show_json, show_table
from ordercast.domain.errors import NotFound
from ordercast.domain.fallout import STEP_AFTER, Action, Cause
from ordercast.store import audit, fallout, fallout_acts
from ordercast.store.engine import database

app = typer.Typer(help="Fallout: by cause, and acting on all of it.", no_args_is_help=True)

Key = Annotated[str, typer.Option("--cause", help="The key of a cause, as `list` shows it.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count, write nothing.")]
Rate = Annotated[float, typer.Option(min=0.01, max=1000, help="The most orders a second.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

KEY_LENGTH = 10
PER_SECOND = 10.0
BY_HAND = "acted by hand"


@app.command("list")
def list_causes(
    by_product: Annotated[bool, typer.Option("--by-product", help="Tell products apart.")] = False,
    by_agent: Annotated[bool, typer.Option("--by-agent", help="Tell agents apart.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List causes, those that have stopped most orders first."""
    apart = {"product": by_product, "agent": by_agent}
    folded = [name for name in fallout.FOLDABLE if not apart[name]]
    with database().read() as session:
        found = fallout.groups(session, folded=folded)
    if as_json:
        rows = [{"key": key_of(each.cause), **asdict(each)} for each in found[:limit]]
        return show_json(rows)
    rows = [
        (
            key_of(each.cause),
            each.cause.trouble,
            each.cause.what or "no code and no text",
            STEP_AFTER.get(each.cause.who or "", each.cause.who),
            each.cause.product,
            each.cause.agent,
            each.orders,
            each.first_at,
            each.last_at,
        )
        for each in found[:limit]
    ]
    columns = ["cause", "stopped", "what", "who", "product", "agent", "orders", "first", "last"]
    return show_table(f"{len(rows)} of {len(found)} causes", columns, rows)


@app.command("reopen")
def reopen(
    cause: Key, reason: Reason = BY_HAND, dry_run: DryRun = False, per_second: Rate = PER_SECOND
) -> None:
    """Reopen the failed work orders of a cause: the next version of each order."""
    _act(cause, Action.REOPEN, reason, dry_run=dry_run, per_second=per_second)


@app.command("retry")
def retry(
    cause: Key, reason: Reason = BY_HAND, dry_run: DryRun = False, per_second: Rate = PER_SECOND
) -> None:
    """Try the parked orders or failed runs of a cause again now."""
    _act(cause, Action.RETRY, reason, dry_run=dry_run, per_second=per_second)


@app.command("cancel")
def cancel(
    cause: Key, reason: Reason, dry_run: DryRun = False, per_second: Rate = PER_SECOND
) -> None:
    """Cancel what is open of the orders of a cause."""
    _act(cause, Action.CANCEL, reason, dry_run=dry_run, per_second=per_second)


@app.command("acts")
def acts(limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 20) -> None:
    """List what was asked of many orders at once, and how far it has come; the newest first."""
    with database().read() as session:
        total, page = fallout_acts.listing(session, offset=0, limit=limit)
        progress = {each.id: fallout_acts.progress(session, each.id) for each in page}
    rows = [
        (
            each.id,
            each.action,
            each.cause["what"],
            each.asked,
            ", ".join(f"{count} {state}" for state, count in progress[each.id].items()),
            each.asked_by,
            each.reason,
            each.asked_at,
        )
        for each in page
    ]
    columns = ["act", "action", "cause", "orders", "now", "by", "why", "asked (UTC)"]
    show_table(f"{len(rows)} of {total} acts", columns, rows)


@app.command("stop")
def stop(act_id: str) -> None:
    """Ask no more of the orders of an act whose turn has not come."""
    who = operator()
    with database().write() as session:
        stopped = fallout_acts.stop(session, act_id, by=who)
        audit.note(session, who=who, did="fallout.stop", subject=act_id)
    typer.echo(f"{stopped} orders are not asked any more")


def _act(key: str, action: Action, reason: str, *, dry_run: bool, per_second: float) -> None:
    with database().read() as session:
        cause = cause_of(session, key)
        found = fallout_acts.estimate(session, cause, action)
    typer.echo(f"{action}: {found.asked} orders")
    for why, count in found.left_out.items():
        typer.echo(f"left out: {count} ({why})")
    if dry_run:
        return
    who = operator()
    with database().write() as session:
        act = fallout_acts.begin(
            session, cause, action, reason=reason, asked_by=who, per_second=per_second
        )
        told = {"cause": act.cause, "asked": act.asked, "left_out": act.left_out}
        audit.note(
            session, who=who, did=f"fallout.{action}", subject=act.id, reason=reason, details=told
        )
    typer.echo(f"{act.id} is asked; `ordercast fallout acts` shows how far it is")


def key_of(cause: Cause) -> str:
    """A short key of a cause, the same as long as it stops anything."""
    written = json.dumps(asdict(cause), ensure_ascii=False, sort_keys=True)
    return sha256(written.encode()).hexdigest()[:KEY_LENGTH]


def cause_of(session: Session, key: str) -> Cause:
    """The cause with that key, however its groups were told apart; NotFound if it stops nothing."""
    sizes = range(len(fallout.FOLDABLE), -1, -1)
    for folded in chain.from_iterable(combinations(fallout.FOLDABLE, size) for size in sizes):
        for group in fallout.groups(session, folded=folded):
            if key_of(group.cause) == key:
                return group.cause
    raise NotFound("cause", key)
