"""The reference business platform: a process of its own, replaced by the operator's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

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
