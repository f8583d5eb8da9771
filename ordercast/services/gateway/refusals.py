"""Refusals as HTTP: the status is chosen here, the words come from the domain.

Every error body has TMF's shape, `{code, reason, message, status}`; `problems` lists the
fields with their cures, and `messageId` names the message that was kept.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from ordercast.domain.errors import (
    Conflict,
    Forbidden,
    InvalidMessage,
    NotFound,
    Problem,
    Refused,
    TooLarge,
    TooSoon,
)
from ordercast.intake.problems import problems_of_faults
from ordercast.store.engine import DATABASE_AWAY

STATUS: dict[type[Refused], HTTPStatus] = {
    InvalidMessage: HTTPStatus.BAD_REQUEST,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooSoon: HTTPStatus.TOO_MANY_REQUESTS,
}


def error_body(status: int, reason: str, message: str, **more: Any) -> dict[str, Any]:
    """An error as TMF641 v4.1 has it."""
    return {
        "code": str(status),
        "reason": reason,
        "message": message,
        "status": str(status),
        **more,
    }


def install(app: FastAPI) -> None:
    """Answer every refusal of the application in the same shape."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DataError, _unfit)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _away)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    status = STATUS[type(error)]
    more: dict[str, Any] = {}
    if isinstance(error, InvalidMessage):
        more["problems"] = [problem.as_dict() for problem in error.problems]
        if error.message_id:
            more["messageId"] = error.message_id
    if isinstance(error, Conflict) and error.fields:
        more["fields"] = list(error.fields)
    rest = error.retry_after_seconds if isinstance(error, TooSoon) else None
    headers = None if rest is None else {"Retry-After": str(rest)}
    return JSONResponse(error_body(status, status.phrase, str(error), **more), status, headers)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _refused(_request, InvalidMessage(problems_of_faults(error.errors())))


def _unfit(_request: Request, _error: Exception) -> JSONResponse:
    """Something in path or query that no database can look for, such as a NUL character."""
    cure = "give printable text and numbers of ordinary size"
    return _refused(_request, InvalidMessage([Problem("query", "cannot be looked for", cure)]))


def _away(_request: Request, _error: Exception) -> JSONResponse:
    return database_away()


def database_away() -> JSONResponse:
    """Nothing was stored, so nothing is acknowledged."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    text = "the database does not answer: nothing was taken, send it again"
    return JSONResponse(
        error_body(status, status.phrase, text), status, headers={"Retry-After": "5"}
    )


def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    return JSONResponse(
        error_body(error.status_code, phrase, str(error.detail)),
        error.status_code,
        headers=error.headers,
    )
