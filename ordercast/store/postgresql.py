"""PostgreSQL as the database of any number of machines."""

import time
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from config.settings import DatabaseSettings

ONE_VIEW = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""A transaction that only reads sees the database as it was when it began to."""

MACHINE_IS_GONE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10}
"""Seconds: so that the rows which a dead machine had locked are free after two minutes."""

IDLE_IN_TRANSACTION_SECONDS = 300

TRUSTED_SECONDS = 1
"""A connection that was in use so lately is used again unasked: asking costs a round trip."""


def open_postgresql(url: str, chosen: DatabaseSettings, name: str, **options: Any) -> Engine:
    """An engine that notices broken connections; `name` is what pg_stat_activity shows."""
    arguments = {
        "application_name": name,
        "connect_timeout": chosen.connect_timeout_seconds,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "options": " ".join(f"-c {key}={value}" for key, value in _session_settings(chosen)),
    }
    engine = create_engine(
        url, connect_args=arguments, pool_timeout=chosen.pool_timeout_seconds, **options
    )
    _ask_the_rested(engine)
    return engine


def _ask_the_rested(engine: Engine) -> None:
    """Have a connection that has not been in use for a while tried before it is given out."""

    def given_back(_connection: Any, record: Any) -> None:
        record.info["given_back_at"] = time.monotonic()

    def given_out(connection: Any, record: Any, _fairy: Any) -> None:
        since = record.info.get("given_back_at")  # a new one has never been given back
        if since is None or time.monotonic() - since < TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as fault:
            raise DisconnectionError("the connection is broken") from fault

    event.listen(engine, "checkin", given_back)
    event.listen(engine, "checkout", given_out)


def _session_settings(chosen: DatabaseSettings) -> list[tuple[str, int]]:
    milliseconds = {
        "statement_timeout": round(chosen.statement_timeout_seconds * 1000),
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_SECONDS * 1000,
    }
    return [*milliseconds.items(), *MACHINE_IS_GONE.items()]
