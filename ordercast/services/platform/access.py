"""Who may use the platform: whoever sends its bearer token, where it has one."""

import secrets
from http import HTTPStatus

from fastapi import HTTPException, Request


def check_token(request: Request) -> None:
    """Refuse with 401 a request that does not carry the token. Source: RFC 6750."""
    token: str = request.app.state.token
    if not token:
        return
    given = request.headers.get("Authorization", "")
    if not given:
        raise _unauthorized("this platform asks for `Authorization: Bearer TOKEN`")
    scheme, _, sent = given.partition(" ")
    right = secrets.compare_digest(sent.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not right:
        raise _unauthorized(
            "the bearer token is not the platform's; mend it where the sender has it"
        )


def _unauthorized(message: str) -> HTTPException:
    headers = {"WWW-Authenticate": "Bearer"}
    return HTTPException(HTTPStatus.UNAUTHORIZED, detail=message, headers=headers)
