"""Every part that the doctor looks at, in turn."""

from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from config.catalog import catalogue
from config.dialects import dialects
from config.push_dialects import push_dialects
from config.settings import settings
from config.tags import tag_rules
from ordercast.doctor import archive, blocks, broker, database, doors, listeners, prefect
from ordercast.doctor.findings import Finding
from ordercast.domain.errors import ConfigurationError, OrdercastError
from ordercast.store.sealing import sealer

Look = Callable[[], Iterator[Finding]]


def look_at_everything() -> Iterator[Finding]:
    """Look at each part in turn; a part that raises is a finding, not an end."""
    parts: dict[str, Look] = {
        "configuration": configuration,
        "sealing key": sealing_key,
        "database": database.look,
        "Prefect": prefect.look,
        "blocks": blocks.look,
        "gateway": doors.gateway,
        "platform": platform,
        "archive": kept_evidence,
        "broker": broker.look,
        "listener": listeners.look,
    }
    for name, look in parts.items():
        try:
            yield from look()
        except ConfigurationError as fault:
            yield Finding(name, f"{fault.where}: {fault.problem}", fault.cure)
        except (OrdercastError, SQLAlchemyError) as fault:
            words = str(fault).splitlines()[0]
            yield Finding(name, f"{type(fault).__name__}: {words}", "mend what it says")


def configuration() -> Iterator[Finding]:
    """Whether the catalogue, the tags and the dialects can be used."""
    yield Finding("catalogue", f"{settings().catalog}: {len(catalogue().products)} products")
    yield Finding("tags", f"{settings().tags}: {len(tag_rules().rules)} rules")
    yield Finding("dialects", ", ".join(dialects()) or "none")
    yield Finding("push dialects", ", ".join(push_dialects()) or "none")


def sealing_key() -> Iterator[Finding]:
    """Whether there is a key that seals and opens."""
    if sealer().unseal(sealer().seal(b"a message")) == b"a message":
        yield Finding("sealing key", "seals and opens")
    else:
        yield Finding("sealing key", "does not open what it sealed", "make another key")


def platform() -> Iterator[Finding]:
    """The business platform of the block, or of the settings."""
    block = blocks.platform()
    return doors.platform(block.url, block.token.get_secret_value())


def kept_evidence() -> Iterator[Finding]:
    """The archive of the block, or of the settings."""
    block = blocks.archive()
    prefix = settings().archive.bucket_prefix
    return archive.look(block.get_client(), block.url, bucket_prefix=prefix)
