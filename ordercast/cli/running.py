"""`ordercast up` and `ordercast serve`: running the services."""

import logging
import signal
import threading
from enum import StrEnum
from importlib import import_module
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.catalog import catalogue
from config.dialects import dialects
from config.push_dialects import push_dialects
from config.settings import Settings, settings
from config.tags import tag_rules
from ordercast.services.supervisor import (
    Supervisor,
    children_of,
    sole_use,
    wait_for_free_ports,
)
from ordercast.store import users
from ordercast.store.api_keys import FIRST_KEY_FILE, make_first_key
from ordercast.store.engine import be_known_as, database
from ordercast.store.migrating import upgrade
from ordercast.store.sealing import make_key

console = Console()


class Service(StrEnum):
    """What one process can serve."""

    GATEWAY = "gateway"
    RELAY = "relay"
    LISTENER = "listener"
    WORKER = "worker"
    PLATFORM = "platform"


BROKER_DRIVERS = ("aio_pika", "aiormq", "nats", "faststream")
"""What they tell of lost connections, relay and listener tell themselves, once."""

HEAR_SECONDS = 1
"""The system may give a signal to any thread, and Python handles it when the main one wakes."""

MODULES = {service: f"ordercast.services.{service}.service" for service in Service}
"""Each service is a module with `run`, imported only where it is served."""


def up() -> None:
    """Start a Prefect server, the gateway with the relay, a worker and the platform."""
    chosen, stop = settings(), stop_on_signals()
    log_to_console(chosen)
    with sole_use(chosen.home):
        wait_for_free_ports(chosen)
        prepare(chosen)
        first = first_admin(chosen)
        supervisor = Supervisor(children_of(chosen), stop)
        try:
            with console.status("Starting …"):
                supervisor.start()
            console.print(addresses(chosen))
            if first:
                console.print(first, markup=False, soft_wrap=True)
            supervisor.watch()
        finally:
            with console.status("Stopping …"):
                supervisor.shut_down()


def prepare(chosen: Settings) -> None:
    """Check the files that operators edit, make keys, and bring the database up to date."""
    catalogue(), tag_rules(), dialects(), push_dialects()
    if not chosen.sealing_keys.get_secret_value():
        make_key(chosen.home)
    upgrade(database())
    make_first_key(database(), chosen.home)


def first_admin(chosen: Settings) -> str:
    """On the embedded default: whom to sign in as; made at the first start, with a password."""
    if chosen.database.url:
        return ""
    name, change = users.FIRST_ADMIN, f"ordercast users password {users.FIRST_ADMIN}"
    if password := users.add_first_admin(database()):
        return f"Sign in at the desk as {name}, password {password} (shown this once; {change})"
    if users.has_generated_password(database(), name):
        return f"The desk's {name} has the password of the first start; choose your own: {change}"
    return ""


def addresses(chosen: Settings) -> Table:
    """Where everything is."""
    table = Table(title="Ordercast is up", show_header=False)
    table.add_row("Orders", f"{chosen.gateway_url}/tmf-api/serviceOrdering/v4/serviceOrder")
    table.add_row("Desk", f"{chosen.gateway_url}/desk/")
    table.add_row("API docs", f"{chosen.gateway_url}/docs")
    table.add_row("Prefect UI", chosen.prefect_ui_url)
    table.add_row("Business platform", chosen.platform_url)
    if (key := chosen.home.absolute() / FIRST_KEY_FILE).exists():
        table.add_row("API key of an admin", f"in {key}")
    table.add_row("Data, keys, logs", str(chosen.home.absolute()))
    return table


def serve(
    services: Annotated[
        list[Service], typer.Argument(help="gateway, relay, listener, worker, platform")
    ],
) -> None:
    """Run services in this process until it is told to stop."""
    log_to_console(settings())
    be_known_as(services)
    if Service.WORKER in services:
        if len(services) > 1:
            raise typer.BadParameter("the worker has a process of its own")
        return import_module(MODULES[Service.WORKER]).run()
    stop, failed = stop_on_signals(), threading.Event()
    threads = [
        threading.Thread(target=_run, args=(each, stop, failed), name=each) for each in services
    ]
    for thread in threads:
        thread.start()
    while not stop.wait(HEAR_SECONDS):
        continue
    for thread in threads:
        thread.join()
    raise typer.Exit(1 if failed.is_set() else 0)


def _run(service: Service, stop: threading.Event, failed: threading.Event) -> None:
    """Run a service; when it ends, for whatever reason, the process ends."""
    try:
        import_module(MODULES[service]).run(stop)
    except BaseException:
        logging.getLogger("ordercast").exception("%s has failed", service)
        failed.set()
    finally:
        stop.set()


def stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set.

    Another thread sets it: the main thread, which a signal interrupts, waits for the event and
    may just have its lock.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    return stop


def log_to_console(chosen: Settings) -> None:
    """Log one line an event."""
    logging.basicConfig(
        level=chosen.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for driver in BROKER_DRIVERS:
        logging.getLogger(driver).setLevel(logging.CRITICAL)
