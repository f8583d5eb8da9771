"""Who is due is found by the index, whatever the database knows of its tables."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ordercast.store import push_leases
from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.migrating import upgrade
from tests.store.conftest import BACKENDS
from tests.store.plans import noted, plan


@pytest.fixture(params=BACKENDS)
def new(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database that nobody has used: it has no statistics."""
    with ExitStack() as made:
        url = f"sqlite:///{tmp_path / 'new.db'}"
        if request.param == "postgresql":
            url = made.enter_context(request.getfixturevalue("postgres").temporary())
        database = Database(url)
        upgrade(database)
        yield database
        database.engine.dispose()


def test_who_is_due_is_looked_up_in_the_index_while_there_are_no_statistics(new):
    with noted(new) as statements, new.read() as session:
        push_leases.due_subscribers(session, now=now())
    *_, statement = statements
    assert "ix_push_delivery_due" in plan(new, *statement, without=())
