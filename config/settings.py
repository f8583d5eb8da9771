"""Every setting of Ordercast: `ORDERCAST_…` in the environment, in `.env`, or a file of that name.

Groups nest with two underscores: `ORDERCAST_DATABASE__URL`. Units are in the names. This is
the only place that reads the environment.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from config.database_urls import for_ordercast
from config.setting_faults import refusal

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
    stream_heartbeat_seconds: float = Field(
        default=15, description="how often an event stream says that it is there"
    )
    stream_most_waiting: int = Field(
        default=1000,
        description="events that wait for a slow reader of a stream; then it is dropped",
    )


class DeskSettings(BaseModel):
    """The pages for people, under `/desk/` of the gateway."""

    session_hours: float = Field(
        default=12, gt=0, description="how long somebody stays signed in, at the most"
    )
    idle_minutes: float = Field(
        default=120, gt=0, description="who does nothing for so long is signed out"
    )
    look_seconds: float = Field(
        default=2, gt=0, description="how often changes are looked for while pages follow them"
    )


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
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto",
        description="where the bucket stands; `auto`: as the host is known to want it",
    )
    ca_bundle: str = Field(
        default="", description="PEM file of whom to trust; empty: whom the machine trusts"
    )
    timeout_seconds: float = Field(default=20, description="for one request")
    connect_timeout_seconds: float = Field(default=5, description="for a new connection")
    results_above_lines: int = Field(
        default=20, ge=0, description="an order of more lines has a result manifest"
    )
    results_valid_days: float = Field(
        default=7, gt=0, le=3650, description="how long the link to a result manifest holds"
    )


class PrefectSettings(BaseModel):
    """The Prefect server that runs the orders."""

    host: str = Field(default="127.0.0.1", description="where the server that `up` starts listens")
    port: int = Field(default=4200, description="where the server that `up` starts listens")
    api_url: str = Field(
        default="", description="of your own server; empty: the one that `up` starts"
    )
    ui_url: str = Field(default="", description="for links to runs; empty: the API's host")
    auth_string: SecretStr = Field(
        default=SecretStr(""), description="`user:password`, where the server asks for one"
    )
    database_url: str = Field(
        default="",
        description="PostgreSQL for the server that `up` starts; empty: SQLite in ORDERCAST_HOME",
    )
    work_pool_type: str = Field(
        default="ordercast-warm", description="`ordercast-warm`, or `process`: Prefect's own"
    )
    alert_block: str = Field(
        default="",
        description="`TYPE/NAME` of the block by which automations notify people",
    )
    worker_limit: int = Field(
        default=8,
        description="segments that one worker runs at once; twice as many more may wait",
    )
    worker_poll_seconds: float = Field(
        default=2, description="how often a warm worker asks for runs that nobody nudged it for"
    )


class RelaySettings(BaseModel):
    """The loops that launch, wake, deliver, command and recover."""

    poll_seconds: float = Field(
        default=0.5, description="how often a loop looks for what falls due by time"
    )
    recover_seconds: float = Field(
        default=15, description="how often lost and stuck orders are sought"
    )
    lease_seconds: float = Field(default=60, description="how long one relay keeps a row to itself")
    zombie_seconds: float = Field(default=30, description="a worker silent for longer is dead")
    stuck_seconds: float = Field(
        default=40, description="a run on which nobody works for longer, though it should, is stuck"
    )
    park_min_seconds: float = Field(default=60, description="first retry of a parked order")
    park_max_seconds: float = Field(default=3600, description="longest time between such retries")
    park_give_up_hours: float = Field(
        default=24, description="then the run fails and waits for a person"
    )
    deliver_concurrency: int = Field(
        default=32, description="deliveries that one relay sends at once, slow ones beside them"
    )
    deliver_timeout_seconds: float = Field(default=15, description="for one delivery attempt")
    disable_after_hours: float = Field(
        default=120, description="a subscriber that fails for so long is disabled"
    )
    secret_overlap_hours: float = Field(
        default=24, description="how long a subscriber's old secret goes on signing beside the new"
    )
    replay_per_second: float = Field(
        default=20, gt=0, description="pushes of a replay that fall due in a second"
    )
    replay_waiting: int = Field(
        default=16, ge=1, description="a replay rests while so many of its pushes are overdue"
    )
    allow_networks: str = Field(
        default="127.0.0.0/8,::1/128",
        description="private networks that subscribers may live in, CIDR, by comma",
    )

    @property
    def deliver_most(self) -> int:
        """The most deliveries on their way at once, those that wait for a slow answer included."""
        return 4 * self.deliver_concurrency


class BrokerSettings(BaseModel):
    """The message middleware that orders and completion reports may come by."""

    url: SecretStr = Field(
        default=SecretStr(""), description="`amqp://…` or `nats://…`; empty: none"
    )
    orders_queues: str = Field(
        default="ordercast.orders",
        description="where orders come in, by comma; `queue=agent` names their agent",
    )
    reports_queues: str = Field(
        default="ordercast.reports", description="where completion reports come in, by comma"
    )
    dead_letters: str = Field(
        default="ordercast.dead-letters", description="where refused messages go"
    )
    queue_type: str = Field(
        default="classic", description="of queues made in RabbitMQ: `classic` or `quorum`"
    )
    prefetch: int = Field(default=16, description="messages that one listener takes at once")
    max_body_bytes: int = Field(default=16 * 2**20, description="a larger message is refused")
    tries: int = Field(
        default=5, description="a message that cannot be stored so often is a dead letter"
    )
    max_deliveries: int = Field(
        default=50, description="one delivered more often, where the broker counts, is one too"
    )
    send_timeout_seconds: float = Field(
        default=5, description="how long an answer or a dead letter may take to be confirmed"
    )
    look_seconds: float = Field(
        default=5, description="how often connection and consumers are looked after"
    )
    reconnect_seconds: float = Field(
        default=1, description="first pause after a lost connection, doubled each time"
    )
    reconnect_max_seconds: float = Field(default=30, description="longest such pause")
    reply_events: str = Field(
        default="work-order.*,order.*",
        description="events that are told to the `reply_to` of an order's message, by comma",
    )


class AlertSettings(BaseModel):
    """The people who are told when one of them must look."""

    urls: SecretStr = Field(
        default=SecretStr(""), description="Apprise URLs with spaces between them; empty: nobody"
    )
    every_seconds: float = Field(
        default=30, description="rest between messages, each of which tells of all that is new"
    )
    waiting_hours: float = Field(default=24, gt=0, description="a longer wait is too long")
    waiting_orders: int = Field(
        default=100, ge=0, description="people are told when so many wait too long; 0: never"
    )


class RetentionSettings(BaseModel):
    """How long what is personal or secret stays in the database, once its order has ended."""

    enforce: bool = Field(
        default=False, description="false: the nightly round counts, and removes nothing"
    )
    raw_days: int = Field(
        default=180, ge=0, description="then messages as they came are dropped; 0: never"
    )
    personal_days: int = Field(
        default=365, ge=0, description="then numbers, cards and names are erased; 0: never"
    )
    ledger_days: int = Field(
        default=180, ge=0, description="then pushes and their attempts are deleted; 0: never"
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
    push_dialects: str = Field(
        default="", description="a directory of your own push dialects; empty: the packaged alone"
    )
    automations: Path = Field(
        default=CONFIG_DIR / "automations", description="a directory of automations for Prefect"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    secrets_dir: str = Field(
        default="", description="a directory of files, each named like the setting that is in it"
    )

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    desk: DeskSettings = Field(default_factory=DeskSettings)
    platform: PlatformSettings = Field(default_factory=PlatformSettings)
    archive: ArchiveSettings = Field(default_factory=ArchiveSettings)
    prefect: PrefectSettings = Field(default_factory=PrefectSettings)
    relay: RelaySettings = Field(default_factory=RelaySettings)
    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: Any,  # noqa: ARG003 (pydantic hands it over)
        init_settings: Any,
        env_settings: Any,
        dotenv_settings: Any,
        file_secret_settings: Any,
    ) -> tuple[Any, ...]:
        """What the environment says goes before `.env`, and that before the files of secrets."""
        said = {**dotenv_settings.env_vars, **env_settings.env_vars}
        files = NestedSecretsSettingsSource(
            file_secret_settings,
            secrets_dir=said.get("ordercast_secrets_dir") or None,
            secrets_dir_missing="error",
        )
        return init_settings, env_settings, dotenv_settings, files

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
    """The settings of this process, read once; ConfigurationError names those that are wrong."""
    try:
        return Settings()
    except (ValidationError, SettingsError, OSError) as fault:
        raise refusal(fault) from None


def use_prefect_server() -> None:
    """Point this process's Prefect client at our server; to be called before Prefect's import.

    What the environment says already stands.
    """
    chosen = settings()
    os.environ.setdefault("PREFECT_API_URL", chosen.prefect_api_url)
    if auth := chosen.prefect.auth_string.get_secret_value():
        os.environ.setdefault("PREFECT_API_AUTH_STRING", auth)
    if chosen.home.exists():
        os.environ.setdefault("PREFECT_HOME", str(chosen.home.absolute() / "prefect"))
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with changes, for a process that it starts."""
    return {**os.environ, **changes}
