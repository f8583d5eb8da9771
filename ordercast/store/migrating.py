"""Migrations: the database is brought to the shape that this version of Ordercast needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ordercast.store.engine import Database
from ordercast.store.waiting_lines import Line, wait_in_line

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring a database, empty or of any earlier revision, to a revision, one process at a time."""
    with database.writer.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        wait_in_line(connection, Line.MIGRATION, ["schema"])
        command.upgrade(configuration(connection), revision)


def revisions(database: Database) -> tuple[str | None, str | None]:
    """The revision that a database has (None if it is empty), and the one it needs."""
    with database.engine.connect() as connection:
        here = MigrationContext.configure(connection).get_current_revision()
        needed = ScriptDirectory.from_config(configuration(connection)).get_current_head()
    return here, needed


def configuration(connection: object) -> Config:
    """Alembic's configuration for a connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
