"""API keys for tests: made as an operator makes them, and shown by the clients that use them."""

from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from ordercast.contracts.api_key import NewApiKey, Scope
from ordercast.store import api_keys
from ordercast.store.clock import now
from ordercast.store.engine import database


def make_key(*scopes: Scope, agent: str | None = None, **more: Any) -> str:
    """A key to the database of the test; an admin's if no scope is named.

    It counts as used just now, so that gateways note no use beside the test.
    """
    wanted = NewApiKey(name="tests", agent=agent, scopes=list(scopes) or [Scope.ADMIN], **more)
    key = api_keys.new_key()
    with database().write() as session:
        api_keys.create(session, wanted, key=key).last_used_at = now()
    return key


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def keyed(app: FastAPI, **options: Any) -> TestClient:
    """A client of the gateway that has an admin's key."""
    return TestClient(app, headers=bearer(make_key()), **options)
