"""Every setting of Ordercast: `ORDERCAST_…` in the environment or in `.env`.

Groups nest with two underscores: `ORDERCAST_DATABASE__URL`. Units are in the names. This is
the only place that reads the environment.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.database_urls import for_ordercast

CONFIG_DIR = Path(__file__).parent
PROJECT_DIR = CONFIG_DIR.parent


class DatabaseSettings(BaseModel):
    """Where Ordercast keeps orders, work orders, reports and pushes."""

    url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in ORDERCAST_HOME")
    busy_timeout_seconds: float = Field(default=10, description="how long SQLite waits for a lock")
    pool_size: int = Field(
        default=10, description="connections kept open a process; as many again under load"
    )
    pool_timeout_seconds: float = Field(
        default=10, description="how long a request waits for a free connection"
    )
    connect_timeout_seconds: int = Field(
        default=5, description="how long PostgreSQL may take to answer a new connection"
    )
    statement_timeout_seconds: float = Field(
        default=60, description="PostgreSQL gives up a statement, or its wait for a lock, after it"
    )


class GatewaySettings(BaseModel):
    """The HTTP door for agents, field crews and subscribers."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, description="port to listen on")
    public_url: str = Field(default="", description="base of links and hrefs; empty: host and port")
    max_body_bytes: int = Field(default=16 * 2**20, description="a larger body is refused with 413")
    page_limit: int = Field(default=100, description="rows in a list when `limit` is not given")
    max_page_limit: int = Field(default=1000, description="the most rows that `limit` may ask for")


class PlatformSettings(BaseModel):
    """The business platform that takes synced orders (seeds the block `business-platform`)."""

    url: str = Field(default="", description="base URL; empty: the one that `up` starts")
    token: SecretStr = Field(
        default=SecretStr(""), description="bearer token, where it asks for one"
    )
    timeout_seconds: float = Field(default=10, description="for one request")
    host: str = Field(default="127.0.0.1", description="where the reference platform listens")
    port: int = Field(default=8090, description="where the reference platform listens")
    database_url: str = Field(
        default="", description="its own database; empty: SQLite in ORDERCAST_HOME"
    )


class ArchiveSettings(BaseModel):
    """Where evidence objects go (seeds the block `order-archive`)."""

    url: str = Field(
        default="",
        description="`https://key:secret@host` or `file:///dir`; empty: in ORDERCAST_HOME",
    )
    region: str = Field(default="", description="the S3 server's region, where it wants one")
    bucket_prefix: str = Field(
        default="ordercast-", description="goes before the tag in a bucket's name"
    )
    timeout_seconds: float = Field(default=20, description="for one request")


class PrefectSettings(BaseModel):
    """The Prefect server that runs the orders."""

    host: str = Field(default="127.0.0.1", description="where the server that `up` starts listens")
    port: int = Field(default=4200, description="where the server that `up` starts listens")
    api_url: str = Field(
        default="", description="of your own server; empty: the one that `up` starts"
    )
    ui_url: str = Field(default="", description="for links to runs; empty: the API's host")
    database_url: str = Field(
        default="",
        description="PostgreSQL for the server that `up` starts; empty: SQLite in ORDERCAST_HOME",
    )
    work_pool_type: str = Field(
        default="ordercast-warm", description="`ordercast-warm`, or `process`: Prefect's own"
    )
    worker_limit: int = Field(default=8, description="segments that one worker runs at once")
    worker_poll_seconds: float = Field(
        default=0.5, description="how often a warm worker asks for runs"
    )


class RelaySettings(BaseModel):
    """The loops that launch, wake, deliver, command and recover."""

    poll_seconds: float = Field(
        default=0.5, description="how often a loop looks when nobody nudges it"
    )
    recover_seconds: float = Field(
        default=15, description="how often lost and stuck orders are sought"
    )
    lease_seconds: float = Field(default=60, description="how long one relay keeps a row to itself")
    zombie_seconds: float = Field(default=30, description="a worker silent for longer is dead")
    park_min_seconds: float = Field(default=60, description="first retry of a parked order")
    park_max_seconds: float = Field(default=3600, description="longest time between such retries")
    park_give_up_hours: float = Field(
        default=24, description="then the run fails and waits for a person"
    )
    deliver_concurrency: int = Field(
        default=32, description="deliveries that one relay sends at once"
    )
    deliver_timeout_seconds: float = Field(default=15, description="for one delivery attempt")
    allow_networks: str = Field(
        default="127.0.0.0/8,::1/128",
        description="private networks that subscribers may live in, CIDR, by comma",
    )


class Settings(BaseSettings):
    """All settings; see each group."""

    model_config = SettingsConfigDict(
        env_prefix="ORDERCAST_", env_nested_delimiter="__", env_file=".env", extra="ignore"
    )

    home: Path = Field(
        default=Path(".ordercast"), description="data, keys and logs of this machine"
    )
    sealing_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Fernet keys by comma, the newest first; empty: `sealing.key` in the home",
    )
    catalog: Path = Field(default=CONFIG_DIR / "catalog.yaml", description="the product catalogue")
    tags: Path = Field(default=CONFIG_DIR / "tags.yaml", description="the rules of classification")
    dialects: str = Field(
        default="", description="a directory of your own dialects; empty: the packaged ones alone"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    platform: PlatformSettings = Field(default_factory=PlatformSettings)
    archive: ArchiveSettings = Field(default_factory=ArchiveSettings)
    prefect: PrefectSettings = Field(default_factory=PrefectSettings)
    relay: RelaySettings = Field(default_factory=RelaySettings)

    @property
    def database_url(self) -> str:
        given = for_ordercast(self.database.url)
        return given or f"sqlite:///{self.home.absolute() / 'ordercast.db'}"

    @property
    def platform_database_url(self) -> str:
        given = for_ordercast(self.platform.database_url)
        return given or f"sqlite:///{self.home.absolute() / 'platform.db'}"

    @property
    def platform_url(self) -> str:
        return self.platform.url or f"http://{self.platform.host}:{self.platform.port}"

    @property
    def gateway_url(self) -> str:
        return self.gateway.public_url or f"http://{self.gateway.host}:{self.gateway.port}"

    @property
    def archive_url(self) -> str:
        return self.archive.url or (self.home.absolute() / "archive").as_uri()

    @property
    def prefect_api_url(self) -> str:
        return self.prefect.api_url or f"http://{self.prefect.host}:{self.prefect.port}/api"

    @property
    def prefect_ui_url(self) -> str:
        return self.prefect.ui_url or self.prefect_api_url.removesuffix("/api")


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


def use_prefect_server() -> None:
    """Point this process's Prefect client at our server; to be called before Prefect's import.

    What the environment says already stands.
    """
    chosen = settings()
    os.environ.setdefault("PREFECT_API_URL", chosen.prefect_api_url)
    if chosen.home.exists():
        os.environ.setdefault("PREFECT_HOME", str(chosen.home.absolute() / "prefect"))
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with changes, for a process that it starts."""
    return {**os.environ, **changes}
