"""A command that cannot use its database says so in words, with the cure, and ends with 1."""

import pytest
from typer.testing import CliRunner

from ordercast.cli import app
from tests.conftest import forget
from tests.waiting import free_port


def told():
    done = CliRunner().invoke(app, ["orders", "list"], env={"COLUMNS": "300"})
    assert done.exit_code == 1
    assert "ordercast db upgrade" in done.stderr and "Traceback" not in done.output
    return done.stderr


def test_a_home_without_tables(home):
    (home / "ordercast.db").unlink()
    assert "no such table" in told()


@pytest.mark.service
def test_a_postgresql_without_tables(home, postgres, monkeypatch):
    with postgres.temporary() as url:
        monkeypatch.setenv("ORDERCAST_DATABASE__URL", url)
        forget()
        assert "does not exist" in told()
        forget()


def test_a_postgresql_that_is_away(home, monkeypatch):
    url = f"postgresql://ordercast:secret@127.0.0.1:{free_port()}/ordercast"
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", url)
    forget()
    said = told()
    assert "refused" in said and "secret" not in said
