"""`ordercast users`: who may sign in at the desk."""

import sys
from typing import Annotated

import typer

from ordercast.cli.audit import operator
from ordercast.cli.showing import show_table
from ordercast.domain.people import Role, check_password, user_name
from ordercast.store import audit, users
from ordercast.store.engine import database
from ordercast.store.passwords import new_password

app = typer.Typer(help="The desk's users: who may sign in, and what as.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="the user's name")]
Generate = Annotated[bool, typer.Option("--generate", help="make a password and show it this once")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="read the password from stdin, for scripts")
]


@app.callback()
def people() -> None:
    """The desk's users. Passwords are asked for, so that no shell keeps them in its history."""


@app.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="what the user may do")] = Role.OPERATOR,
    generate: Generate = False,
    password_stdin: FromStdin = False,
) -> None:
    """Add a user; the password is asked for."""
    name = user_name(name)
    password = _password(generate=generate, from_stdin=password_stdin)
    users.add(database(), name, role=role, password=password, is_generated=generate)
    _note("users.add", name, role=role)
    typer.echo(f"added {name} as {role}")
    _show(password, is_shown=generate)


@app.command("list")
def list_users() -> None:
    """List the users."""
    with database().read() as session:
        found = users.all_users(session)
    rows = [
        (row.name, row.role, "disabled" if row.disabled_at else "", row.last_sign_in_at)
        for row in found
    ]
    show_table(f"{len(rows)} users", ["name", "role", "", "last sign-in (UTC)"], rows)


@app.command("password")
def password(name: Name, generate: Generate = False, password_stdin: FromStdin = False) -> None:
    """Give a user another password, and end all its sessions."""
    with database().read() as session:
        known = users.user(session, name)
    new = _password(generate=generate, from_stdin=password_stdin)
    users.change_password(database(), known.name, password=new, is_generated=generate)
    _note("users.password", known.name)
    typer.echo(f"{known.name} has another password")
    _show(new, is_shown=generate)


@app.command("role")
def role(name: Name, role: Annotated[Role, typer.Argument(help="what the user may do")]) -> None:
    """Give a user another role."""
    with database().write() as session:
        users.change_role(session, name, role)
    _note("users.role", name, role=role)
    typer.echo(f"{name} is {role} now")


@app.command("disable")
def disable(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="let the user sign in again")] = False,
) -> None:
    """Let a user sign in no more, and end all its sessions."""
    with database().write() as session:
        users.disable(session, name, is_disabled=not undo)
    _note("users.enable" if undo else "users.disable", name)
    typer.echo(f"{name} may sign in again" if undo else f"{name} may sign in no more")


@app.command("remove")
def remove(name: Name) -> None:
    """Remove a user; what it did stays in the audit log."""
    with database().write() as session:
        users.remove(session, name)
    _note("users.remove", name)
    typer.echo(f"removed {name}")


def _password(*, generate: bool, from_stdin: bool) -> str:
    if generate:
        return new_password()
    if from_stdin:
        written = sys.stdin.readline().rstrip("\r\n")
    else:
        written = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    check_password(written)
    return written


def _show(password: str, *, is_shown: bool) -> None:
    if is_shown:
        typer.echo(f"password, shown this once: {password}")


def _note(did: str, name: str, **details: str) -> None:
    with database().write() as session:
        audit.note(session, who=operator(), did=did, subject=name, details=details)
