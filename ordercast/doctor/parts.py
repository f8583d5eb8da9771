"""The other parts, seen by the doctor."""

from collections.abc import Callable, Iterator

import httpx
from sqlalchemy.exc import SQLAlchemyError

from config.catalog import catalogue
from config.dialects import dialects
from config.settings import settings
from config.tags import tag_rules
from ordercast.archive.opening import open_archive
from ordercast.doctor import prefect
from ordercast.doctor.findings import Finding
from ordercast.domain.errors import OrdercastError
from ordercast.store.engine import database
from ordercast.store.migrating import revisions
from ordercast.store.sealing import sealer

SECONDS = 5

Look = Callable[[], Iterator[Finding]]


def look_at_everything() -> Iterator[Finding]:
    """Look at each part in turn; a part that raises is a finding, not an end."""
    parts: dict[str, Look] = {
        "configuration": configuration,
        "sealing key": sealing_key,
        "database": database_level,
        "Prefect": prefect.look,
        "gateway": lambda: service("gateway", f"{settings().gateway_url}/ready"),
        "platform": lambda: service("platform", f"{settings().platform_url}/health"),
        "archive": archive,
    }
    for name, look in parts.items():
        try:
            yield from look()
        except (OrdercastError, SQLAlchemyError) as fault:
            yield Finding(name, f"{type(fault).__name__}: {fault}", "mend what it says")


def configuration() -> Iterator[Finding]:
    """Whether the catalogue, the tags and the dialects can be used."""
    yield Finding("catalogue", f"{settings().catalog}: {len(catalogue().products)} products")
    yield Finding("tags", f"{settings().tags}: {len(tag_rules().rules)} rules")
    yield Finding("dialects", ", ".join(dialects()) or "none")


def sealing_key() -> Iterator[Finding]:
    """Whether there is a key that seals and opens."""
    opened = sealer().unseal(sealer().seal(b"a message"))
    yield Finding("sealing key", "seals and opens" if opened == b"a message" else "does not open")


def database_level() -> Iterator[Finding]:
    """Whether the database answers and has the shape that this version needs."""
    url = database().engine.url.render_as_string(hide_password=True)
    here, needed = revisions(database())
    cure = "" if here == needed else "run `ordercast db upgrade`"
    yield Finding("database", f"{url}, revision {here or 'none'} of {needed}", cure)


def service(name: str, url: str) -> Iterator[Finding]:
    """Whether a service answers at its health address."""
    try:
        status = httpx.get(url, timeout=SECONDS).status_code
    except httpx.HTTPError as fault:
        found = f"{url} does not answer: {type(fault).__name__}"
        yield Finding(name, found, f"start it: `ordercast serve {name}`")
        return
    cure = "" if status == 200 else "read its log"
    yield Finding(name, f"{url} answers {status}", cure)


def archive() -> Iterator[Finding]:
    """Whether the archive that the settings name answers, with the key that they give."""
    chosen = settings()
    opened = open_archive(chosen.archive_url, region=chosen.archive.region, timeout_seconds=SECONDS)
    opened.stat(f"{chosen.archive.bucket_prefix}doctor", "is-anyone-there")
    yield Finding("archive", "answers")
