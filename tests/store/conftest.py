"""What is said of the store holds on SQLite and, where there is one, on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import forget

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.service)]


@pytest.fixture(params=BACKENDS)
def home(
    home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home whose database is on one or the other."""
    if request.param == "postgresql":
        monkeypatch.setenv("ORDERCAST_DATABASE__URL", request.getfixturevalue("postgres_url"))
        forget()
    yield home
    forget()
