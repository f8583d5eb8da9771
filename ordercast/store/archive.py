"""The index of the archive: where the evidence of each version lies, and by which tags."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, tuple_
from sqlmodel import Session, col, select

from ordercast.domain.errors import NotFound, PermanentFault
from ordercast.store.tables import (
    ArchiveEntry,
    ArchiveTag,
    OrderOutcome,
    ResultManifest,
    ServiceOrder,
)

PLACE = (col(ArchiveEntry.order_no), col(ArchiveEntry.version))


@dataclass(frozen=True)
class ArchivedResults:
    """Where the result manifest of a version lies, and its checksum; its tags are the version's."""

    bucket: str
    key: str
    sha256: str
    size_bytes: int
    tags: tuple[str, ...]


@dataclass(frozen=True)
class ArchivedVersion:
    """An entry of the index with its tags, the order's title, and the state it was sealed in.

    `results` is where the result manifest lies, if the version has one.
    """

    order_no: str
    version: int
    bucket: str
    key: str
    sha256: str
    size_bytes: int
    archived_at: datetime
    tags: tuple[str, ...]
    title: str | None
    state: str | None
    agent: str | None
    results: ArchivedResults | None = None


@dataclass(frozen=True)
class ArchiveFilter:
    """What entries to find; all that is given must hold, every tag included.

    `since` is the first moment of archiving that counts, `until` the first that does not.
    """

    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    agent: str | None = None


def record(session: Session, entry: ArchiveEntry, tags: Iterable[str]) -> None:
    """Enter a version with its tags; one that is entered stays as it is.

    PermanentFault if it stands in the index with another place or checksum.
    """
    standing = session.get(ArchiveEntry, (entry.order_no, entry.version))
    if standing is not None:
        return _must_agree(standing, entry)
    session.add(entry)
    session.add_all(
        ArchiveTag(tag=tag, order_no=entry.order_no, version=entry.version)
        for tag in dict.fromkeys(tags)
    )
    return None


def _must_agree(standing: ArchiveEntry, entry: ArchiveEntry) -> None:
    differing = [
        f"{name} {getattr(standing, name)!r} instead of {getattr(entry, name)!r}"
        for name in ("bucket", "key", "sha256", "size_bytes")
        if getattr(standing, name) != getattr(entry, name)
    ]
    if differing:
        raise PermanentFault(
            f"{entry.order_no} version {entry.version} is archived with {', '.join(differing)}"
        )


def find(
    session: Session, wanted: ArchiveFilter, *, limit: int = 100, offset: int = 0
) -> list[ArchivedVersion]:
    """Entries of that kind, the last archived first."""
    newest = (col(ArchiveEntry.archived_at).desc(), *PLACE)
    query = _filtered(_entries(), wanted).order_by(*newest)
    return _with_tags(session, query.offset(offset).limit(limit))


def count(session: Session, wanted: ArchiveFilter) -> int:
    """How many entries of that kind there are."""
    query = select(func.count()).select_from(ArchiveEntry)
    return session.exec(_filtered(_joined(query), wanted)).one()


def entry(session: Session, order_no: str, version: int | None = None) -> ArchivedVersion:
    """The entry of a version, else of the latest one; NotFound if there is none."""
    query = _entries().where(ArchiveEntry.order_no == order_no)
    if version is not None:
        query = query.where(ArchiveEntry.version == version)
    found = _with_tags(session, query.order_by(col(ArchiveEntry.version).desc()).limit(1))
    if not found:
        what = order_no if version is None else f"{order_no} version {version}"
        raise NotFound("archived order", what)
    return found[0]


def page_after(
    session: Session,
    wanted: ArchiveFilter,
    *,
    after: tuple[str, int] | None = None,
    limit: int = 500,
) -> list[ArchivedVersion]:
    """The next entries of that kind after an (order_no, version), in that order.

    For reading them all: each page is as cheap as the first, and none is missed or doubled.
    """
    query = _filtered(_entries(), wanted).order_by(*PLACE).limit(limit)
    if after is not None:
        query = query.where(tuple_(*PLACE) > after)
    return _with_tags(session, query)


def _entries() -> Any:
    columns = (ServiceOrder.title, OrderOutcome.state, ServiceOrder.agent)
    same_version = and_(
        col(OrderOutcome.order_no) == ArchiveEntry.order_no,
        col(OrderOutcome.version) == ArchiveEntry.version,
    )
    query = _joined(select(ArchiveEntry, *columns))
    return query.join(OrderOutcome, same_version, isouter=True)


def _joined(query: Any) -> Any:
    same_order = col(ServiceOrder.order_no) == ArchiveEntry.order_no
    return query.join(ServiceOrder, same_order, isouter=True)


def _filtered(query: Any, wanted: ArchiveFilter) -> Any:
    for tag in wanted.tags:
        query = query.where(_has_tag(tag))
    if wanted.since is not None:
        query = query.where(ArchiveEntry.archived_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(ArchiveEntry.archived_at < wanted.until)
    if wanted.agent is not None:
        query = query.where(ServiceOrder.agent == wanted.agent)
    return query


def _has_tag(tag: str) -> Any:
    return exists().where(
        col(ArchiveTag.tag) == tag,
        col(ArchiveTag.order_no) == ArchiveEntry.order_no,
        col(ArchiveTag.version) == ArchiveEntry.version,
    )


def _with_tags(session: Session, query: Any) -> list[ArchivedVersion]:
    rows = session.exec(query).all()
    versions = [(row[0].order_no, row[0].version) for row in rows]
    tags = _tags_of(session, versions)
    results = _results_of(session, versions, tags)
    return [
        ArchivedVersion(
            **found.model_dump(),
            tags=tuple(tags.get((found.order_no, found.version), ())),
            title=title,
            state=state,
            agent=agent,
            results=results.get((found.order_no, found.version)),
        )
        for found, title, state, agent in rows
    ]


def _results_of(
    session: Session,
    versions: Sequence[tuple[str, int]],
    tags: Mapping[tuple[str, int], Sequence[str]],
) -> dict[tuple[str, int], ArchivedResults]:
    """Where the result manifests of versions lie, of those that have one."""
    place = tuple_(col(ResultManifest.order_no), col(ResultManifest.version))
    return {
        (row.order_no, row.version): ArchivedResults(
            bucket=row.bucket,
            key=row.key,
            sha256=row.sha256,
            size_bytes=row.size_bytes,
            tags=tuple(tags.get((row.order_no, row.version), ())),
        )
        for row in session.exec(select(ResultManifest).where(place.in_(versions)))
    }


def _tags_of(
    session: Session, versions: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], list[str]]:
    """The tags of versions, by name."""
    place = tuple_(col(ArchiveTag.order_no), col(ArchiveTag.version))
    query = select(ArchiveTag).where(place.in_(versions)).order_by(col(ArchiveTag.tag))
    tags: dict[tuple[str, int], list[str]] = {}
    for row in session.exec(query):
        tags.setdefault((row.order_no, row.version), []).append(row.tag)
    return tags
