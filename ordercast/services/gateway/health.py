"""Health: whether the gateway lives, and whether it can take orders."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from ordercast.store import inbox
from ordercast.store.engine import database

router = APIRouter(tags=["health"])


@router.get("/health")
def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready")
def ready() -> JSONResponse:
    """Orders can be taken: the database answers."""
    try:
        with database().read() as session:
            inbox.messages(session, limit=1)
    except SQLAlchemyError as error:
        return JSONResponse({"status": "database", "reason": type(error).__name__}, 503)
    return JSONResponse({"status": "ok"})
