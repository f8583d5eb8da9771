"""Health: whether the gateway lives, and whether it can take orders."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from ordercast.store import inbox
from ordercast.store.engine import database
from ordercast.store.listeners import how_it_stands, listeners
from ordercast.store.tables import ListenerBeat

router = APIRouter(tags=["health"])


@router.get("/health")
def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready")
def ready() -> JSONResponse:
    """Orders can be taken: the database answers. Says how listeners stand, where there are any."""
    try:
        with database().read() as session:
            inbox.messages(session, limit=1)
            known = [_shown(row) for row in listeners(session)]
    except SQLAlchemyError as error:
        return JSONResponse({"status": "database", "reason": type(error).__name__}, 503)
    return JSONResponse({"status": "ok", **({"listeners": known} if known else {})})


def _shown(row: ListenerBeat) -> dict[str, Any]:
    return {
        "listener": row.listener,
        "broker": row.broker,
        "state": how_it_stands(row),
        "since": row.since.isoformat(),
        "reason": row.reason,
    }
