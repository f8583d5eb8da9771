"""The reference business platform: a process of its own, replaced by the operator's."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from config.settings import settings
from ordercast.services.platform.database import PlatformDatabase
from ordercast.services.platform.refusals import answer_errors
from ordercast.services.platform.routes import open_routes, routes

MAX_BODY_BYTES = 64 * 2**20


def create_app(
    database_url: str, token: str = "", *, max_body_bytes: int = MAX_BODY_BYTES
) -> FastAPI:
    """The platform over a database of its own, whose tables it creates when it starts.

    With a token, every request but `/health` must carry it.
    """
    app = FastAPI(title="Reference business platform of Ordercast", lifespan=_lifespan)
    app.state.database = PlatformDatabase(database_url)
    app.state.token = token
    app.state.max_body_bytes = max_body_bytes
    app.include_router(open_routes)
    app.include_router(routes)
    answer_errors(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: PlatformDatabase = app.state.database
    await run_in_threadpool(database.create_tables)
    yield
    database.close()


def run(stop: threading.Event) -> None:
    """Serve until `stop` is set, as the settings say."""
    chosen = settings()
    if not chosen.platform.database_url:
        chosen.home.mkdir(parents=True, exist_ok=True)
    config = uvicorn.Config(
        create_app(chosen.platform_database_url, chosen.platform.token.get_secret_value()),
        host=chosen.platform.host,
        port=chosen.platform.port,
        log_level="warning",
        access_log=False,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_when, args=(server, stop), daemon=True).start()
    server.run()


def _stop_when(server: uvicorn.Server, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True
