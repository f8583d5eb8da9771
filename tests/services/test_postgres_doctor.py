"""The doctor at a real PostgreSQL: what a user may do, and what it is."""

from dataclasses import replace

import pytest
from sqlalchemy import make_url, text

from ordercast.doctor import database as doctor
from ordercast.store import engine
from ordercast.store.engine import Database
from ordercast.store.examining import examine
from tests.conftest import forget

pytestmark = pytest.mark.service

ROLE = "ordercast_services_of_a_test"


@pytest.fixture
def owned(home, postgres_url, monkeypatch):
    """A migrated database, of its owner."""
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", postgres_url)
    forget()
    return engine.database()


@pytest.fixture
def services_url(postgres, postgres_url):
    """The same database for a user who has been granted nothing there."""
    postgres.run(f"DROP ROLE IF EXISTS {ROLE}")
    postgres.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'secret'")
    yield str(make_url(postgres_url).set(username=ROLE, password="secret").render_as_string(False))
    grants(postgres_url, f"DROP OWNED BY {ROLE}")
    postgres.run(f"DROP ROLE {ROLE}")


def grants(url, statement):
    owner = Database(url)
    with owner.engine.begin() as connection:
        connection.execute(text(statement))
    owner.engine.dispose()


def wrong(findings):
    return [each.found for each in findings if not each.is_well]


def test_a_database_of_its_owner_that_is_upgraded_is_well(owned):
    seen = examine(owned)
    assert seen.server.startswith("PostgreSQL ")
    assert (seen.may_create, seen.lacking, seen.is_standby) == (True, (), False)
    told = wrong(doctor.look())
    assert [each for each in told if "synchronous_commit" not in each] == []


def test_an_empty_database_is_to_be_upgraded(home, postgres, monkeypatch):
    with postgres.temporary() as url:
        monkeypatch.setenv("ORDERCAST_DATABASE__URL", url)
        forget()
        assert any(each.startswith("revision none of") for each in wrong(doctor.look()))
        forget()


def test_a_user_without_rights_is_told_for_which_tables_until_they_are_granted(
    postgres_url, services_url
):
    user = Database(services_url)
    lacking = examine(user).lacking
    assert {"service_order", "order_run", "push_event"} <= set(lacking)
    grants(
        postgres_url,
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}",
    )
    seen = examine(user)
    assert (seen.lacking, seen.may_create) == ((), False)
    seen = replace(seen, commits_at_once=True)  # the tests' own cluster says honestly that not
    assert wrong(doctor.rights(seen, is_upgraded=True)) == []
    user.engine.dispose()
