"""How the platform says no: TMF's error body, whatever went wrong and wherever."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ordercast.domain.errors import Conflict, InvalidMessage, NotFound, TooLarge
from ordercast.services.platform.submission import problems_of
from ordercast.services.platform.wire import Refusal

logger = logging.getLogger(__name__)
MOST_PROBLEMS_TOLD = 20
RETRY_AFTER_SECONDS = 1

CODES = {
    HTTPStatus.BAD_REQUEST: "invalidRequest",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.NOT_FOUND: "notFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "methodNotAllowed",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "tooLarge",
    HTTPStatus.INTERNAL_SERVER_ERROR: "internalError",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}

Handler = Callable[[Request, Any], JSONResponse]


def answer_errors(app: FastAPI) -> None:
    """Answer every error of this application as TMF641 has it."""
    handlers: dict[type[Exception], Handler] = {
        Conflict: _says(HTTPStatus.CONFLICT),
        NotFound: _says(HTTPStatus.NOT_FOUND),
        TooLarge: _says(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        InvalidMessage: _invalid_message,
        RequestValidationError: _invalid_parameters,
        HTTPException: _http,
        ClientDisconnect: _says(HTTPStatus.BAD_REQUEST),  # nobody is there to read it
        DataError: _unstorable,
        OperationalError: _unavailable,
        InterfaceError: _unavailable,
        Exception: _unforeseen,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def refusal(
    status: HTTPStatus, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    body = Refusal(
        code=CODES.get(status, "refused"),
        reason=status.phrase,
        message=message,
        status=str(status.value),
    )
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def _says(status: HTTPStatus) -> Handler:
    return lambda _request, error: refusal(status, str(error))


def _invalid_message(_request: Request, error: InvalidMessage) -> JSONResponse:
    told = "; ".join(str(problem) for problem in error.problems[:MOST_PROBLEMS_TOLD])
    more = len(error.problems) - MOST_PROBLEMS_TOLD
    return refusal(HTTPStatus.BAD_REQUEST, f"{told}; and {more} more" if more > 0 else told)


def _invalid_parameters(request: Request, error: RequestValidationError) -> JSONResponse:
    return _invalid_message(request, InvalidMessage(problems_of(error.errors())))


def _http(_request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers) if error.headers else None
    return refusal(HTTPStatus(error.status_code), error.detail, headers)


def _unstorable(_request: Request, _error: Exception) -> JSONResponse:
    message = "a name or key holds what the database cannot store, a NUL for instance; leave it out"
    return refusal(HTTPStatus.BAD_REQUEST, message)


def _unavailable(_request: Request, error: DBAPIError) -> JSONResponse:
    logger.error("the platform's database does not answer: %s", error.orig)
    return refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the platform's database is busy or does not answer; send the same request again",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _unforeseen(_request: Request, _error: Exception) -> JSONResponse:
    message = "the platform met an error of its own; its log says more"
    return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, message)
