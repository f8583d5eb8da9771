"""Migrations: an upgraded database is exactly what the tables say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlmodel import SQLModel

from ordercast.store import tables
from ordercast.store.engine import Database
from ordercast.store.migrating import upgrade

assert tables  # their definitions fill the metadata


def ours(_object, name, kind, _reflected, _compared):
    return kind != "table" or name in OURS


OURS = {each.__tablename__ for each in vars(tables).values() if hasattr(each, "__table__")}


def test_an_upgraded_database_has_the_shape_of_the_tables(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_upgrading_twice_changes_nothing(database):
    before = set(inspect(database.engine).get_table_names())
    upgrade(database)
    assert set(inspect(database.engine).get_table_names()) == before
    assert before >= OURS


def test_an_empty_database_is_brought_to_shape(tmp_path):
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    upgrade(empty)
    assert set(inspect(empty.engine).get_table_names()) >= OURS
    empty.engine.dispose()
