"""Migrations: whatever the revision, an upgraded database is what the tables say, rows included."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel, select

from ordercast.store import (
    fallout_tables,
    finding_tables,
    key_tables,
    people_tables,
    push_tables,
    rounds_tables,
    tables,
)
from ordercast.store.engine import Database
from ordercast.store.migrating import configuration, revisions, upgrade
from tests.store.any_rows import count, fill
from tests.store.conftest import BACKENDS

MODULES = (
    fallout_tables,
    finding_tables,
    key_tables,
    people_tables,
    push_tables,
    rounds_tables,
    tables,
)
FOUND = [each for module in MODULES for each in vars(module).values()]
MODELS = list({each: None for each in FOUND if hasattr(each, "__table__")})
OURS = {each.__tablename__ for each in MODELS}
REVISIONS = [
    script.revision for script in ScriptDirectory.from_config(configuration(None)).walk_revisions()
][::-1]
"""Every revision that there is, the oldest first: a new one is covered as soon as it is there."""


def ours(_object, name, kind, _reflected, _compared):
    return kind != "table" or name in OURS


@pytest.fixture(params=BACKENDS)
def empty(request, tmp_path):
    """A database that has no tables yet."""
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield made
        made.engine.dispose()
        return
    with request.getfixturevalue("postgres").temporary() as url:
        made = Database(url)
        yield made
        made.engine.dispose()


def differences(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        return compare_metadata(context, SQLModel.metadata)


def is_at_least(after, before):
    return all(after[name] >= rows for name, rows in before.items() if name in after)


def test_an_upgraded_database_has_the_shape_of_the_tables(database):
    assert differences(database) == []


def test_upgrading_twice_changes_nothing(database):
    before = set(inspect(database.engine).get_table_names())
    upgrade(database)
    assert set(inspect(database.engine).get_table_names()) == before
    assert before >= OURS


def test_an_empty_database_is_brought_to_shape(empty):
    assert revisions(empty) == (None, REVISIONS[-1])
    upgrade(empty)
    assert set(inspect(empty.engine).get_table_names()) >= OURS
    assert differences(empty) == []


def test_revision_by_revision_with_rows_in_between_nothing_is_lost_and_all_is_readable(empty):
    rows = {}
    for revision in REVISIONS:
        upgrade(empty, revision)
        assert is_at_least(count(empty), rows)
        rows = fill(empty)
    assert rows.keys() == OURS
    assert differences(empty) == []
    with empty.read() as session:
        for model in MODELS:
            assert len(session.exec(select(model)).all()) == rows[model.__tablename__]


@pytest.mark.parametrize("revision", REVISIONS)
def test_any_revision_with_rows_is_brought_to_shape_at_once(empty, revision):
    upgrade(empty, revision)
    rows = fill(empty)
    upgrade(empty)
    assert differences(empty) == []
    assert is_at_least(count(empty), rows)


def test_there_is_one_line_of_revisions():
    heads = ScriptDirectory.from_config(configuration(None)).get_heads()
    assert heads == [REVISIONS[-1]]
