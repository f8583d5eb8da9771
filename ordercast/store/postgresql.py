"""PostgreSQL as the database of any number of machines."""

from typing import Any

from sqlalchemy import Engine, create_engine

from config.settings import DatabaseSettings

ONE_VIEW = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""A transaction that only reads sees the database as it was when it began to."""

MACHINE_IS_GONE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10}
"""Seconds: so that the rows which a dead machine had locked are free after two minutes."""

IDLE_IN_TRANSACTION_SECONDS = 300


def open_postgresql(url: str, chosen: DatabaseSettings, name: str, **options: Any) -> Engine:
    """An engine that notices broken connections; `name` is what pg_stat_activity shows."""
    arguments = {
        "application_name": name,
        "connect_timeout": chosen.connect_timeout_seconds,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "options": " ".join(f"-c {key}={value}" for key, value in _session_settings(chosen)),
    }
    return create_engine(
        url,
        connect_args=arguments,
        pool_pre_ping=True,
        pool_timeout=chosen.pool_timeout_seconds,
        **options,
    )


def _session_settings(chosen: DatabaseSettings) -> list[tuple[str, int]]:
    milliseconds = {
        "statement_timeout": round(chosen.statement_timeout_seconds * 1000),
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_SECONDS * 1000,
    }
    return [*milliseconds.items(), *MACHINE_IS_GONE.items()]
