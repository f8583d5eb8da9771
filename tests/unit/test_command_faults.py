"""A command that cannot use what it needs says so in words, with the cure, and ends with 1."""

import subprocess
import sys

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
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


@pytest.mark.parametrize("url", ["postgres//x", "mysql://x", "far://x", "postgresql://x:port/y"])
def test_what_is_no_url_of_a_database(home, monkeypatch, url):
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", url)
    forget()
    done = CliRunner().invoke(app, ["orders", "list"])
    assert done.exit_code == 1
    assert done.stderr.startswith("ORDERCAST_DATABASE__URL: ")
    assert "postgresql://" in done.stderr and url not in done.stderr


@pytest.mark.parametrize("command", ["doctor", "orders"])
def test_a_wrong_setting(home, monkeypatch, command):
    monkeypatch.setenv("ORDERCAST_GATEWAY__PORT", "80a")
    ask = [sys.executable, "-m", "ordercast", command]
    done = subprocess.run(ask, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("ORDERCAST_GATEWAY__PORT: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command", ["automations list", "automations apply --block slack-webhook/us", "reconcile"]
)
def test_a_prefect_server_that_is_away(home, command):
    address = f"http://127.0.0.1:{free_port()}/api"
    with temporary_settings({PREFECT_API_URL: address}):
        done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 1
    assert done.stderr.startswith(f"the Prefect server at {address} does not answer: ")
    assert "ordercast up" in done.stderr and "ORDERCAST_PREFECT__API_URL" in done.stderr


def test_minutes_that_no_calendar_holds(home):
    done = CliRunner().invoke(app, ["pushes", "untold", "--minutes", "1e12"])
    assert done.exit_code == 2
    assert "525600" in done.stderr
