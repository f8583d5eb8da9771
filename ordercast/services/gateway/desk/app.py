"""The desk: the gateway's pages for people, an application of its own under /desk."""

from fastapi import Depends, FastAPI
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from config.settings import settings
from ordercast.services.gateway.desk import (
    account,
    audit_log,
    fallout,
    following,
    order,
    order_commands,
    order_downloads,
    orders,
    refusals,
    sign_in,
    start,
    subscriber_replays,
    subscribers,
    users,
    work_order_files,
    work_orders,
)
from ordercast.services.gateway.desk.access import own_form, same_site
from ordercast.services.gateway.desk.following import note_what_is_seen
from ordercast.services.gateway.desk.frame import HERE
from ordercast.services.gateway.desk.headers import SecurityHeaders
from ordercast.services.gateway.desk.live import Live

PAGES = (
    *(start, account, users, audit_log, work_orders, work_order_files),
    *(orders, order, order_commands, order_downloads),
    *(fallout, subscribers, subscriber_replays),
)
"""Modules with the routers of what is shown to those who are signed in."""


def create_desk() -> FastAPI:
    """The desk's application."""
    desk = FastAPI(title="Ordercast desk", openapi_url=None, dependencies=[Depends(same_site)])
    desk.add_middleware(SecurityHeaders)
    desk.state.live = Live(look_seconds=settings().desk.look_seconds)
    refusals.install(desk)
    desk.include_router(sign_in.router)
    desk.include_router(following.router)
    for module in PAGES:
        desk.include_router(
            module.router, dependencies=[Depends(own_form), Depends(note_what_is_seen)]
        )
    desk.mount("/static", StaticFiles(directory=HERE / "static"))
    desk.state.paths = {
        each.path for page in PAGES for each in page.router.routes if isinstance(each, Route)
    }
    return desk
