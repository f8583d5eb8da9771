"""The users of the desk: who may sign in, and what as."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from ordercast.domain.errors import Conflict, NotFound
from ordercast.domain.people import Role, check_password, pause_after, user_name
from ordercast.store import desk_sessions
from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.passwords import fits, hash_of, new_password
from ordercast.store.people_tables import DeskUser

FIRST_ADMIN = "admin"


def add(
    database: Database, name: str, *, role: Role, password: str, is_generated: bool = False
) -> DeskUser:
    """Add a user; InvalidMessage for a name or password that cannot be one, Conflict if known."""
    made = DeskUser(
        name=user_name(name),
        role=role,
        password_hash=_checked_hash(password),
        has_generated_password=is_generated,
        created_at=now(),
    )
    with database.write() as session:
        if session.get(DeskUser, made.name):
            raise Conflict("there is a user {name!r} already", name=made.name)
        session.add(made)
    return made


def add_first_admin(database: Database) -> str | None:
    """Add `admin` where there is no user at all; the password that was made for it."""
    with database.read() as session:
        if any_users(session):
            return None
    password = new_password()
    add(database, FIRST_ADMIN, role=Role.ADMIN, password=password, is_generated=True)
    return password


def has_generated_password(database: Database, name: str) -> bool:
    """Whether a user is there whose password was made for it and not changed."""
    with database.read() as session:
        row = session.get(DeskUser, name)
    return bool(row and row.has_generated_password)


def any_users(session: Session) -> bool:
    """Whether there is anybody who could sign in."""
    return session.exec(select(DeskUser.name).limit(1)).first() is not None


def all_users(session: Session) -> Sequence[DeskUser]:
    """The users by name."""
    return session.exec(select(DeskUser).order_by(col(DeskUser.name))).all()


def user(session: Session, name: str) -> DeskUser:
    """The user of that name; NotFound if there is none."""
    found = session.get(DeskUser, name.strip().casefold())
    if found is None:
        raise NotFound("user", name)
    return found


def change_password(
    database: Database, name: str, *, password: str, is_generated: bool = False
) -> None:
    """Give a user another password: the tries are forgotten, and all its sessions end."""
    made = _checked_hash(password)
    with database.write() as session:
        row = user(session, name)
        row.password_hash, row.has_generated_password = made, is_generated
        row.failures, row.try_again_at = 0, None
        desk_sessions.end_all(session, row.name)


def change_role(session: Session, name: str, role: Role) -> None:
    """Give a user another role, which holds from the next request on."""
    user(session, name).role = role


def disable(session: Session, name: str, *, is_disabled: bool = True) -> None:
    """Let a user sign in no more, and end its sessions; or let it sign in again."""
    row = user(session, name)
    row.disabled_at = now() if is_disabled else None
    desk_sessions.end_all(session, row.name)


def remove(session: Session, name: str) -> None:
    """Forget a user; what it did stays in the audit log."""
    row = user(session, name)
    desk_sessions.end_all(session, row.name)
    session.delete(row)


def speak(session: Session, name: str, language: str) -> None:
    """Keep the language that a user chose."""
    user(session, name).language = language


def who_signs_in(database: Database, name: str, password: str) -> DeskUser | None:
    """The user of that name and password; None for a wrong one, during a pause, or if disabled.

    A try counts as wrong before the password is looked at, so that tries at once are not free.
    """
    row = _begin_try(database, name)
    if not fits(password, row.password_hash if row else None) or row is None:
        return None
    with database.write() as session:
        row = user(session, row.name)
        row.failures, row.try_again_at, row.last_sign_in_at = 0, None, now()
        return row


def _begin_try(database: Database, name: str) -> DeskUser | None:
    with database.write() as session:
        row = session.get(DeskUser, name.strip().casefold(), with_for_update=True)
        at = now()
        if row is None or row.disabled_at or (row.try_again_at and row.try_again_at > at):
            return None
        row.failures += 1
        row.try_again_at = at + pause_after(row.failures)
        return row


def _checked_hash(password: str) -> str:
    check_password(password)
    return hash_of(password)
