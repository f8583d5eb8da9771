"""The gateway: the HTTP door for agents, field crews, subscribers and operators."""

import threading

import uvicorn
from fastapi import FastAPI

from config.catalog import catalogue
from config.settings import settings
from config.tags import tag_rules
from ordercast.services.gateway import (
    body_limit,
    cancellations,
    health,
    inbox,
    orders,
    pushes,
    refusals,
    reports,
    subscribers,
    work_orders,
)

DESCRIPTION = """Carries telecom orders from receipt to broadcast completion.

Orders: TMF641 Service Ordering v4.1. Work orders are reported completed or failed by those
who do them; subscribers are told of every outcome."""


def create_app() -> FastAPI:
    """The gateway's application; ConfigurationError if catalogue or tags cannot be used."""
    catalogue(), tag_rules()
    app = FastAPI(title="Ordercast", description=DESCRIPTION, version="0.1.0")
    app.add_middleware(body_limit.BodyLimit, limit_bytes=settings().gateway.max_body_bytes)
    refusals.install(app)
    for module in (
        orders,
        cancellations,
        work_orders,
        reports,
        subscribers,
        pushes,
        inbox,
        health,
    ):
        app.include_router(module.router)
    return app


def run(stop: threading.Event) -> None:
    """Serve until `stop` is set."""
    chosen = settings().gateway
    config = uvicorn.Config(
        create_app(), host=chosen.host, port=chosen.port, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_when, args=(server, stop), daemon=True).start()
    server.run()
    stop.set()


def _stop_when(server: uvicorn.Server, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True
