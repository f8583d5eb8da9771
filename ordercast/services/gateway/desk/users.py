"""Users at the desk: admins add them, give them roles and passwords, and let them go."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from ordercast.domain.errors import Conflict
from ordercast.domain.people import Role, user_name
from ordercast.services.gateway.desk.access import Administering, Viewer
from ordercast.services.gateway.desk.frame import go_to, page
from ordercast.services.gateway.desk.language import english, words_of
from ordercast.store import audit, users
from ordercast.store.engine import database
from ordercast.store.passwords import new_password

router = APIRouter()

PLACE = "/desk/users"
OWN = english("Your own account is changed by another admin; your password, under your name.")

Reason = Annotated[str, Form(max_length=500)]


class Act(StrEnum):
    """What can be done to a user, beside giving a role or a password."""

    DISABLE = "disable"
    ENABLE = "enable"
    REMOVE = "remove"


DONE = {
    Act.DISABLE: english("{name} may sign in no more."),
    Act.ENABLE: english("{name} may sign in again."),
    Act.REMOVE: english("{name} is removed; what they did stays in the audit log."),
}
HAS_ROLE = english("{name} has another role.")


@router.get("/users")
def show_users(request: Request, viewer: Administering) -> Response:
    """All users, and a form for another one."""
    with database().read() as session:
        found = users.all_users(session)
    return page(request, viewer, "users.html", users=found)


@router.post("/users")
def add(
    request: Request,
    viewer: Administering,
    name: Annotated[str, Form()],
    role: Annotated[Role, Form()] = Role.OPERATOR,
) -> Response:
    """Add a user with a password that is made here, and shown this once."""
    name, password = user_name(name), new_password()
    users.add(database(), name, role=role, password=password, is_generated=True)
    with database().write() as session:
        _note(session, viewer, "add", name, role=role)
    return _password(request, viewer, name, password)


@router.post("/users/{name}/role")
def change_role(
    request: Request, viewer: Administering, name: str, role: Annotated[Role, Form()]
) -> Response:
    """Give a user another role, from their next request on."""
    name = _another(viewer, name)
    with database().write() as session:
        users.change_role(session, name, role)
        _note(session, viewer, "role", name, role=role)
    return _back(request, viewer, HAS_ROLE, name)


@router.post("/users/{name}/password")
def renew_password(request: Request, viewer: Administering, name: str) -> Response:
    """Give a user another password, shown this once, and end all their sessions."""
    name, password = _another(viewer, name), new_password()
    users.change_password(database(), name, password=password, is_generated=True)
    with database().write() as session:
        _note(session, viewer, "password", name)
    return _password(request, viewer, name, password)


@router.post("/users/{name}/{act}")
def act_on(
    request: Request, viewer: Administering, name: str, act: Act, reason: Reason = ""
) -> Response:
    """Let a user sign in no more, or again, or forget them; their sessions end."""
    name = _another(viewer, name)
    with database().write() as session:
        if act is Act.REMOVE:
            users.remove(session, name)
        else:
            users.disable(session, name, is_disabled=act is Act.DISABLE)
        _note(session, viewer, act, name, reason=reason)
    return _back(request, viewer, DONE[act], name)


def _another(viewer: Viewer, name: str) -> str:
    """A user's name as it is kept; whoever changes users stays an admin: so there is one."""
    known = user_name(name)
    if known == viewer.name:
        raise Conflict(OWN)
    return known


def _password(request: Request, viewer: Viewer, name: str, password: str) -> Response:
    answer = page(request, viewer, "user_password.html", name=name, password=password)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _back(request: Request, viewer: Viewer, told: str, name: str) -> Response:
    return go_to(request, PLACE, told=words_of(viewer.language)(told, name=name))


def _note(
    session: Session, viewer: Viewer, did: str, name: str, reason: str = "", **details: str
) -> None:
    audit.note(
        session,
        who=viewer.name,
        did=f"users.{did}",
        subject=name,
        reason=reason or None,
        details=details,
    )
