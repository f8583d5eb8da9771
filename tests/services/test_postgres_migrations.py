"""PostgreSQL is brought to shape from nothing, however many processes begin at once."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from ordercast.store import tables
from ordercast.store.engine import Database
from ordercast.store.migrating import revisions
from tests.store.test_migrations import check_upgrade_with_data

pytestmark = pytest.mark.service

PROCESSES = 3
PARTIAL = text("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%WHERE%' ORDER BY indexname")


@pytest.fixture
def empty_url(postgres):
    with postgres.temporary() as url:
        yield url


def upgrading(url, home):
    environment = {**os.environ, "ORDERCAST_DATABASE__URL": url, "ORDERCAST_HOME": str(home)}
    command = [sys.executable, "-m", "ordercast", "db", "upgrade"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def test_processes_that_upgrade_at_once_wait_for_each_other(empty_url, tmp_path):
    plain = empty_url.replace("postgresql+psycopg://", "postgresql://")
    begun = [upgrading(plain, tmp_path) for _ in range(PROCESSES)]
    for each in begun:
        _, told = each.communicate(timeout=120)
        assert each.returncode == 0, told.decode()
    upgraded = Database(empty_url)
    assert tables.OrderRun.__tablename__ in inspect(upgraded.engine).get_table_names()
    here, needed = revisions(upgraded)
    assert here == needed is not None
    upgraded.engine.dispose()


def test_rows_of_the_first_revision_survive_the_later_ones(empty_url):
    older = Database(empty_url)
    check_upgrade_with_data(older)
    older.engine.dispose()


def test_the_indexes_of_the_few_are_those_of_the_models(postgres_url):
    migrated = Database(postgres_url)
    with migrated.engine.connect() as connection:
        partial = connection.scalars(PARTIAL).all()
        names = inspect(connection).get_table_names()
    migrated.engine.dispose()
    expected = [
        index.name
        for name in names
        if name in SQLModel.metadata.tables
        for index in SQLModel.metadata.tables[name].indexes
        if index.dialect_options["postgresql"]["where"] is not None
    ]
    assert partial == sorted(expected)
