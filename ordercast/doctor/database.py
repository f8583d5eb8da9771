"""The database, seen by the doctor."""

from collections.abc import Iterator

from ordercast.doctor.clocks import Reading, compared
from ordercast.doctor.findings import Finding, note
from ordercast.store import api_keys
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.examining import Examination, examine, overdue_launches
from ordercast.store.migrating import revisions

PART = "database"
OVERDUE_SECONDS = 60


def look() -> Iterator[Finding]:
    """Whether the database answers, may be used, and has the shape that this version needs."""
    url = database().engine.url.render_as_string(hide_password=True)
    asked = now()
    seen = examine(database())
    answered = now()
    yield Finding(PART, f"{seen.server}, {url}")
    here, needed = revisions(database())
    yield from level(here, needed)
    yield from rights(seen, is_upgraded=here == needed)
    if seen.clock:
        yield from compared(PART, Reading(seen.clock, seen.clock, asked, answered))
    if here == needed:
        yield from launching(overdue_launches(database(), seconds=OVERDUE_SECONDS))
        with database().read() as session:
            yield from keys(is_any=api_keys.is_any_valid(session))


def level(here: str | None, needed: str | None) -> Iterator[Finding]:
    """Whether the migrations have been carried out."""
    found = f"revision {here or 'none'} of {needed}"
    yield Finding(PART, found, "" if here == needed else "run `ordercast db upgrade`")


def rights(seen: Examination, *, is_upgraded: bool) -> Iterator[Finding]:
    """Whether this user may do what the services do, and whether commits are kept."""
    if seen.is_standby:
        yield Finding(PART, "it is a standby", "name the server that takes writes in the URL")
    if not seen.commits_at_once:
        found = "synchronous_commit is off: a crash loses what was acknowledged"
        yield Finding(PART, found, "set it to on")
    if seen.lacking:
        found = f"may not read and write {', '.join(seen.lacking)}"
        yield Finding(PART, found, "GRANT SELECT, INSERT, UPDATE, DELETE on them")
    if not seen.may_create and not is_upgraded:
        yield Finding(PART, "may not create tables", "run `ordercast db upgrade` as the owner")
    elif not seen.may_create:
        yield note(PART, "may not create tables", "an upgrade has to be run as the owner")


def keys(*, is_any: bool) -> Iterator[Finding]:
    """Whether somebody may come in by HTTP."""
    if not is_any:
        cure = "make one: `ordercast keys add NAME --scope admin`"
        yield note("gateway", "there is no API key: it lets nobody in", cure)


def launching(overdue: int) -> Iterator[Finding]:
    """Whether the relays keep up."""
    if overdue:
        found = f"{overdue} orders have waited over {OVERDUE_SECONDS} s for their flow run"
        yield Finding("relay", found, "start one: `ordercast serve relay`; or read its log")
