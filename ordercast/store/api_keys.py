"""API keys: made, found by their digest, revoked. The key itself is kept nowhere.

A key is 256 random bits, so its plain SHA-256 is enough: nobody can try so many, and what a
slow, salted hash adds is for passwords that people choose. It is found by that digest alone,
which whoever guesses cannot steer, so the time that a look-up takes tells nothing.
"""

import os
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from sqlalchemy import func, or_, update
from sqlmodel import Session, col, select

from ordercast.contracts.api_key import NewApiKey, Scope
from ordercast.domain.errors import ConfigurationError, NotFound
from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.key_tables import ApiKey

PREFIX = "ock_"
KEY = re.compile(rf"{PREFIX}[\w-]{{43}}", re.ASCII)
"""What a key looks like; nothing else needs to be looked for."""

RANDOM_BYTES = 32
FIRST_KEY_FILE = "admin.key"
NOTED_EVERY = timedelta(minutes=1)


class Standing(StrEnum):
    """Whether a key lets anyone in now."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


def new_key() -> str:
    """A key that nobody has."""
    return f"{PREFIX}{secrets.token_urlsafe(RANDOM_BYTES)}"


def digest_of(key: str) -> str:
    """What a key is kept and found by."""
    return sha256(key.encode()).hexdigest()


def standing(kept: ApiKey, *, at: datetime) -> Standing:
    """Whether a key lets anyone in at a time."""
    if kept.revoked_at is not None:
        return Standing.REVOKED
    is_over = kept.expires_at is not None and kept.expires_at <= at
    return Standing.EXPIRED if is_over else Standing.VALID


def create(session: Session, wanted: NewApiKey, *, key: str) -> ApiKey:
    """Keep a key that was made; of several with one name each stands for itself."""
    given = wanted.model_dump(mode="json", include={"name", "agent"})
    made = ApiKey(
        **given,
        id=f"key-{secrets.token_hex(5)}",
        scopes=[scope.value for scope in dict.fromkeys(wanted.scopes)],
        sha256=digest_of(key),
        created_at=now(),
        expires_at=wanted.expires_at,
    )
    session.add(made)
    return made


def by_digest(session: Session, digest: str) -> ApiKey | None:
    """The key with that digest, whatever its standing."""
    return session.exec(select(ApiKey).where(ApiKey.sha256 == digest)).first()


def get(session: Session, key_id: str) -> ApiKey:
    """The key with that id; NotFound if there is none."""
    found = session.get(ApiKey, key_id)
    if found is None:
        raise NotFound("API key", key_id)
    return found


def listing(session: Session, *, limit: int, offset: int = 0) -> tuple[int, Sequence[ApiKey]]:
    """The number of keys and a page of them, the newest first; revoked ones are among them."""
    total = session.exec(select(func.count()).select_from(ApiKey)).one()
    newest = select(ApiKey).order_by(col(ApiKey.created_at).desc(), ApiKey.id)
    return total, session.exec(newest.offset(offset).limit(limit)).all()


def revoke(session: Session, key_id: str) -> ApiKey:
    """Let a key open nothing more; one that is revoked stays as it is."""
    found = get(session, key_id)
    found.revoked_at = found.revoked_at or now()
    return found


def valid_ids(session: Session) -> set[str]:
    """The ids of the keys that let somebody in now."""
    return set(session.exec(select(ApiKey.id).where(*_is_valid())))


def is_any_valid(session: Session) -> bool:
    """Whether some key lets somebody in now."""
    return session.exec(select(ApiKey.id).where(*_is_valid()).limit(1)).first() is not None


def _is_valid():
    is_current = or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > now())
    return col(ApiKey.revoked_at).is_(None), is_current


def is_use_to_be_noted(kept: ApiKey, *, at: datetime) -> bool:
    """Whether the last use that is noted is a minute ago, or more."""
    return kept.last_used_at is None or kept.last_used_at <= at - NOTED_EVERY


def note_use(database: Database, key_id: str) -> None:
    """Note that a key is used, unless another process did within the minute."""
    at = now()
    is_stale = or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) <= at - NOTED_EVERY)
    with database.write() as session:
        noted = update(ApiKey).where(col(ApiKey.id) == key_id, is_stale)
        session.execute(noted.values(last_used_at=at))


def make_first_key(database: Database, home: Path) -> None:
    """Make an admin's key in a file of the home, readable by its owner alone; never a second.

    A file that is there already is taken as it is, unless the database knows other keys.
    """
    with database.read() as session:
        if session.exec(select(ApiKey.id).limit(1)).first():
            return
    key = _kept_in_file(home / FIRST_KEY_FILE)
    with database.write() as session:
        if session.exec(select(ApiKey.id).limit(1)).first() is None:
            create(session, NewApiKey(name="admin", scopes=[Scope.ADMIN]), key=key)


def _kept_in_file(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    key = new_key()
    with os.fdopen(handle, "w") as file:
        file.write(f"{key}\n")
    return key


def _read(path: Path) -> str:
    key = path.read_text().strip()
    if not KEY.fullmatch(key):
        raise ConfigurationError(str(path), "holds no API key", "remove it, and start again")
    return key
