"""PostgreSQL by its plain URL: each side gets it with the driver that it brings."""

import pytest

from config.database_urls import for_ordercast, for_prefect
from config.settings import Settings
from ordercast.services.supervisor import children_of

PLACE = "user:p%40ss@db.example.com:5433/ordercast"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_ordercast_takes_a_plain_url_with_psycopg(monkeypatch, scheme):
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", f"{scheme}://{PLACE}?sslmode=require")
    monkeypatch.setenv("ORDERCAST_PLATFORM__DATABASE_URL", f"{scheme}://{PLACE}")
    assert Settings().database_url == f"postgresql+psycopg://{PLACE}?sslmode=require"
    assert Settings().platform_database_url == f"postgresql+psycopg://{PLACE}"


@pytest.mark.parametrize("url", ["", "sqlite:///a.db", "postgresql+asyncpg://db/o", "nonsense"])
def test_what_is_no_plain_url_of_postgresql_stays_as_it_is(url):
    assert for_ordercast(url) == url


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_prefect_takes_it_with_asyncpg_and_its_word_for_sslmode(scheme):
    given = f"{scheme}://{PLACE}?sslmode=require&x=1"
    assert for_prefect(given) == f"postgresql+asyncpg://{PLACE}?ssl=require&x=1"
    assert for_prefect(f"{scheme}://{PLACE}") == f"postgresql+asyncpg://{PLACE}"


@pytest.mark.parametrize("url", ["", "sqlite+aiosqlite:////tmp/p.db"])
def test_other_databases_of_prefect_stay_as_they_are(url):
    assert for_prefect(url) == url


def prefect_database(settings):
    (server,) = [each for each in children_of(settings) if each.name == "prefect"]
    return server.environment.get("PREFECT_API_DATABASE_CONNECTION_URL")


def test_up_starts_its_prefect_server_on_postgresql_only_if_told_so(monkeypatch):
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", f"postgresql://{PLACE}")
    assert prefect_database(Settings()) is None
    monkeypatch.setenv("ORDERCAST_PREFECT__DATABASE_URL", f"postgresql://{PLACE}")
    assert prefect_database(Settings()) == f"postgresql+asyncpg://{PLACE}"
