"""Launching while Prefect is away costs the order seconds, not the relay's whole lease."""

from datetime import timedelta

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlmodel import select

from config.settings import settings
from ordercast.demo.story import read
from ordercast.intake.accept import accept
from ordercast.services.relay.launch import launch
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage
from ordercast.store.migrating import upgrade
from ordercast.store.sealing import sealer
from ordercast.store.tables import OrderRun

CACHED = (settings, database, sealer)


class PrefectAway:
    """A server that refuses connections."""

    def create_runs(self, _runs):
        raise httpx.ConnectError("refused")


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERCAST_HOME", str(tmp_path))
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", Fernet.generate_key().decode())
    for cached in CACHED:
        cached.cache_clear()
    upgrade(database())
    yield
    database().engine.dispose()
    for cached in CACHED:
        cached.cache_clear()


def test_an_order_that_cannot_be_launched_is_due_again_within_seconds():
    accept(database(), RawMessage(read("port-in.json"), "application/json", "test"))
    with pytest.raises(httpx.ConnectError):
        launch(PrefectAway())  # type: ignore[arg-type]
    with database().read() as session:
        run = session.exec(select(OrderRun)).one()
    assert run.launch_at
    assert run.launch_at < now() + timedelta(seconds=5)
