"""`ordercast keys`: who may come in by HTTP, for which agent, and for what."""

from datetime import timedelta
from typing import Annotated

import typer

from ordercast.cli.audit import operator
from ordercast.cli.showing import show_table
from ordercast.cli.subscriber_views import AsJson
from ordercast.contracts.api_key import ApiKeyView, CreatedApiKey, NewApiKey, Scope
from ordercast.intake.problems import validate
from ordercast.store import api_keys, audit
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.key_tables import ApiKey

app = typer.Typer(help="API keys: who may come in by HTTP, and for what.", no_args_is_help=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="whose it is, for people")],
    scope: Annotated[
        list[Scope], typer.Option(help="submit, report, read or admin; may be repeated")
    ],
    agent: Annotated[
        str | None, typer.Option(help="the agent whose orders alone it is for; else all")
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0, max=36_500, help="how long it is valid; else for ever")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and show it this once."""
    expires_at = now() + timedelta(days=days) if days is not None else None
    document = {"name": name, "agent": agent, "scopes": scope, "expires_at": expires_at}
    wanted, key = validate(NewApiKey, document), api_keys.new_key()
    with database().write() as session:
        made = ApiKeyView.model_validate(api_keys.create(session, wanted, key=key))
        details = {"name": made.name, "for": _what(made)}
        audit.note(session, who=operator(), did="keys.add", subject=made.id, details=details)
    if as_json:
        typer.echo(CreatedApiKey(**made.model_dump(), key=key).model_dump_json(indent=2))
        return
    typer.echo(f"{made.id}: {made.name}, for {_what(made)}, {_until(made)}")
    typer.echo(f"API key, shown this once: {key}")


@app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the keys, the newest first, without what opens anything."""
    with database().read() as session:
        total, page = api_keys.listing(session, limit=limit)
    views = [ApiKeyView.model_validate(each) for each in page]
    if as_json:
        typer.echo(f"[{','.join(view.model_dump_json() for view in views)}]")
        return
    rows = [
        (
            each.id,
            each.name,
            each.agent,
            ", ".join(each.scopes),
            _how(kept),
            each.expires_at,
            each.last_used_at,
        )
        for each, kept in zip(views, page, strict=True)
    ]
    columns = ["id", "name", "agent", "scopes", "standing", "expires (UTC)", "last used"]
    show_table(f"{len(views)} of {total} API keys", columns, rows)


@app.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(help="as `list` shows it")]) -> None:
    """Let a key open nothing more."""
    with database().write() as session:
        api_keys.revoke(session, key_id)
        audit.note(session, who=operator(), did="keys.revoke", subject=key_id)
    typer.echo(f"revoked {key_id}")


def _what(key: ApiKeyView) -> str:
    whose = f"the orders of agent {key.agent}" if key.agent else "all orders"
    return f"{', '.join(key.scopes)} on {whose}"


def _until(key: ApiKeyView) -> str:
    return f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "until revoked"


def _how(kept: ApiKey) -> str:
    return api_keys.standing(kept, at=now()).value
