"""`ordercast serve`: one service or several in a process of their own."""

import logging
import signal
import threading
from enum import StrEnum
from importlib import import_module
from typing import Annotated

import typer

from config.settings import Settings, settings
from ordercast.store.engine import be_known_as


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
