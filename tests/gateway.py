"""The gateway's application, made once for all tests: that takes longer than most of them do."""

from functools import cache

from fastapi import FastAPI

from config.settings import settings
from ordercast.services.gateway.app import create_app


def gateway() -> FastAPI:
    """The application as the settings of the test have it, without what other tests put in."""
    app = _made(repr((settings().gateway, settings().desk)))
    app.dependency_overrides.clear()
    app.state.desk.dependency_overrides.clear()
    return app


@cache
def _made(_settings: str) -> FastAPI:
    return create_app()
