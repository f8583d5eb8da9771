"""Migrations: the database is brought to the shape that this version of Ordercast needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from ordercast.store.engine import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring a database, empty or of any earlier revision, to a revision."""
    with database.writer.begin() as connection:
        command.upgrade(configuration(connection), revision)


def configuration(connection: object) -> Config:
    """Alembic's configuration for a connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
