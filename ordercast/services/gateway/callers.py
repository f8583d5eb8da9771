"""Who calls: the holder of an API key, known for some seconds after the database was asked."""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Counter
from starlette.concurrency import run_in_threadpool

from ordercast.contracts.api_key import Scope
from ordercast.store import api_keys
from ordercast.store.api_keys import Standing
from ordercast.store.clock import now
from ordercast.store.engine import DATABASE_AWAY, Database, database

log = logging.getLogger("ordercast.gateway")

KEPT_SECONDS = 5
"""So long after it was revoked, at most, a key goes on letting somebody in."""

turned_away = Counter(
    "ordercast_access_refused",
    "Requests that this gateway turned away, by what was wrong with their key.",
    ["reason"],
    registry=None,
)
REASONS = ("missing", "unknown", *(each.value for each in Standing if each is not Standing.VALID))
for _reason in (*REASONS, "scope"):
    turned_away.labels(_reason)


@dataclass(frozen=True)
class Caller:
    """Who calls, for which agent (None: for all), and what it may do."""

    key_id: str
    name: str
    agent: str | None
    scopes: frozenset[Scope]
    expires_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Whether it has a scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class Stranger(Exception):
    """Somebody without a key that lets in; the reason is one of REASONS."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Callers:
    """The callers of this process by the digests of their keys; no more than there are keys."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Caller]] = {}

    async def holder_of(self, key: str) -> Caller:
        """Who holds a key; Stranger if it is unknown, expired or revoked."""
        if not api_keys.KEY.fullmatch(key):
            raise Stranger("unknown")
        digest = api_keys.digest_of(key)
        asked_at, caller = self._known.get(digest, (0.0, None))
        if caller is None or time.monotonic() - asked_at > KEPT_SECONDS:
            caller = await run_in_threadpool(self._look_up, digest)
        elif caller.expires_at and caller.expires_at <= now():
            raise Stranger(Standing.EXPIRED)
        return caller

    def _look_up(self, digest: str) -> Caller:
        self._known.pop(digest, None)
        asked_at = time.monotonic()
        with database().read() as session:
            found = api_keys.by_digest(session, digest)
        if found is None:
            raise Stranger("unknown")
        if (how := api_keys.standing(found, at=now())) is not Standing.VALID:
            raise Stranger(how)
        scopes = frozenset(map(Scope, found.scopes))
        caller = Caller(found.id, found.name, found.agent, scopes, found.expires_at)
        self._known[digest] = asked_at, caller
        if api_keys.is_use_to_be_noted(found, at=now()):
            _note_use(database(), found.id)
        return caller


def _note_use(where: Database, key_id: str) -> None:
    """Beside the request, which shall not wait for the database's write lock."""
    threading.Thread(target=_note, args=(where, key_id), name="key-use", daemon=True).start()


def _note(where: Database, key_id: str) -> None:
    try:
        api_keys.note_use(where, key_id)
    except DATABASE_AWAY as fault:
        log.info("the use of %s is not noted: %s", key_id, type(fault).__name__)
