"""A database of the benchmark's own process, which no service runs on."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.fernet import Fernet

from benchmarks.databases import Databases
from config.settings import settings
from ordercast.store.engine import database
from ordercast.store.migrating import upgrade
from ordercast.store.sealing import sealer


@contextmanager
def own_database(name: str, chosen: Databases) -> Iterator[None]:
    """`database()` is a new one meanwhile, and nothing holds that the machine's settings say."""
    with (
        tempfile.TemporaryDirectory(prefix=f"ordercast-bench-{name}-") as home,
        chosen.fresh() as given,
    ):
        for setting in [each for each in os.environ if each.startswith("ORDERCAST_")]:
            del os.environ[setting]
        key = Fernet.generate_key().decode()
        os.environ.update({"ORDERCAST_HOME": home, "ORDERCAST_SEALING_KEYS": key, **given})
        for cached in (settings, database, sealer):
            cached.cache_clear()
        upgrade(database())
        yield
        database().engine.dispose()
