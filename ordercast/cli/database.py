"""`ordercast db`: the database."""

import typer

from config.settings import settings
from ordercast.store.engine import database
from ordercast.store.migrating import upgrade
from ordercast.store.sealing import make_key

app = typer.Typer(help="The database: bring it to this version's shape.", no_args_is_help=True)


@app.callback()
def db() -> None:
    """The database."""


@app.command("upgrade")
def upgrade_database() -> None:
    """Bring the database, empty or older, to the shape that this version needs."""
    if not settings().sealing_keys.get_secret_value():
        make_key(settings().home)
    upgrade(database())
    typer.echo("The database is up to date.")
