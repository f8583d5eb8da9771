"""The gateway: the HTTP door for agents, field crews, subscribers and operators."""

from fastapi import FastAPI

from config.catalog import catalogue
from config.dialects import dialects
from config.push_dialects import push_dialects
from config.settings import settings
from config.tags import tag_rules
from ordercast.services.gateway import (
    access,
    answers,
    body_limit,
    cancellations,
    events,
    health,
    hub,
    inbox,
    metrics,
    orders,
    pushes,
    refusals,
    replays,
    reports,
    results,
    subscribers,
    work_orders,
)
from ordercast.services.gateway.desk.app import create_desk
from ordercast.services.gateway.feed_tail import FeedTail

DESCRIPTION = """Carries telecom orders from receipt to broadcast completion.

Orders: TMF641 Service Ordering v4.1. Work orders are reported completed or failed by those
who do them; subscribers are told of every outcome."""


def create_app() -> FastAPI:
    """The gateway's application; ConfigurationError if a file of the operators is faulty."""
    for read in (catalogue, tag_rules, dialects, push_dialects):
        read()
    app = FastAPI(title="Ordercast", description=DESCRIPTION, version="0.1.0")
    app.add_middleware(body_limit.BodyLimit, limit_bytes=settings().gateway.max_body_bytes)
    app.add_middleware(access.KeyRequired)
    app.state.feed_tail = FeedTail(
        base_url=settings().gateway_url,
        most_waiting=settings().gateway.stream_most_waiting,
    )
    refusals.install(app)
    for module in (
        orders,
        cancellations,
        work_orders,
        reports,
        subscribers,
        replays,
        answers,
        pushes,
        results,
        events,
        hub,
        inbox,
        health,
        metrics,
    ):
        app.include_router(module.router)
    app.state.desk = create_desk()
    app.mount("/desk", app.state.desk)
    return app
