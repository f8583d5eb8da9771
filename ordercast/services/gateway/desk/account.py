"""The viewer's own account: another password."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from ordercast.domain.errors import InvalidMessage
from ordercast.services.gateway.desk.access import Viewer, Watching
from ordercast.services.gateway.desk.cookies import take_token
from ordercast.services.gateway.desk.frame import go_to, page
from ordercast.services.gateway.desk.language import english, words_of
from ordercast.store import audit, users
from ordercast.store.engine import database

router = APIRouter()

WRONG = english("The present password is not right, or it was tried too often.")
DIFFERENT = english("The new password was not written twice alike.")
LENGTH = english("Use at least 10 characters, and at most 1000.")
CHANGED = english("The password is changed: sign in with it.")


@router.get("/me")
def show_account(request: Request, viewer: Watching) -> Response:
    """Who the viewer is, and a form for another password."""
    return page(request, viewer, "account.html", problem="")


@router.post("/me/password")
def change_password(
    request: Request,
    viewer: Watching,
    present: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Change the password; every session of the viewer ends."""
    if new != again:
        return _refused(request, viewer, DIFFERENT)
    if users.who_signs_in(database(), viewer.name, present) is None:
        return _refused(request, viewer, WRONG)
    try:
        users.change_password(database(), viewer.name, password=new)
    except InvalidMessage:
        return _refused(request, viewer, LENGTH)
    with database().write() as session:
        audit.note(session, who=viewer.name, did="users.password", subject=viewer.name)
    response = go_to(request, "/desk/sign-in", told=words_of(viewer.language)(CHANGED))
    take_token(response)
    return response


def _refused(request: Request, viewer: Viewer, problem: str) -> Response:
    return page(request, viewer, "account.html", problem=problem, status=400)
