"""The index of the archive: entered once, found by tag, time and agent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, SQLModel

from ordercast.domain.errors import NotFound, PermanentFault
from ordercast.store import archive as index
from ordercast.store.archive import ArchivedVersion, ArchiveFilter
from ordercast.store.engine import Database
from ordercast.store.tables import ArchiveEntry, OrderOutcome, ServiceOrder

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDER = "ord-20261122-aaaaaa"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    SQLModel.metadata.create_all(database.engine)
    yield database
    database.engine.dispose()


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    with db.write() as opened:
        yield opened


def entry(order_no: str = ORDER, version: int = 1, *, at: datetime = NOON) -> ArchiveEntry:
    return ArchiveEntry(
        order_no=order_no,
        version=version,
        bucket="ordercast-iot",
        key=f"2026/11/22/{order_no}/v{version}.json.gz",
        sha256=f"{version:064}",
        size_bytes=100,
        archived_at=at,
    )


def outcome(version: int = 1, *, state: str) -> OrderOutcome:
    return OrderOutcome(
        order_no=ORDER,
        version=version,
        state=state,
        sealed_at=NOON,
        primary_tag="iot",
        evidence=b"",
    )


def order(order_no: str = ORDER, *, agent: str = "agent-x") -> ServiceOrder:
    return ServiceOrder(
        order_no=order_no,
        agent=agent,
        content_sha256="",
        message_id="msg-1",
        title="开通物联网卡",
        state="completed",
        ordered_at=NOON,
    )


def numbers(found: list[ArchivedVersion]) -> list[tuple[str, int]]:
    return [(each.order_no, each.version) for each in found]


def test_an_entry_is_found_with_its_tags_and_the_order_it_belongs_to(session: Session) -> None:
    session.add(order())
    session.add(outcome(state="completed"))
    index.record(session, entry(), ["iot", "agent:x"])
    [found] = index.find(session, ArchiveFilter())
    assert (found.order_no, found.version, found.archived_at) == (ORDER, 1, NOON)
    assert found.tags == ("agent:x", "iot")
    assert (found.title, found.state, found.agent) == ("开通物联网卡", "completed", "agent-x")


def test_an_entry_is_found_even_when_its_order_is_gone(session: Session) -> None:
    index.record(session, entry(), ["iot"])
    [found] = index.find(session, ArchiveFilter(tags=("iot",)))
    assert (found.title, found.state, found.agent) == (None, None, None)


def test_recording_a_version_again_changes_nothing(db: Database) -> None:
    for moment in (NOON, NOON + timedelta(hours=1)):
        with db.write() as session:
            index.record(session, entry(at=moment), ["iot", "iot", "agent:x"])
    with db.read() as session:
        [found] = index.find(session, ArchiveFilter())
    assert found.archived_at == NOON
    assert found.tags == ("agent:x", "iot")


def test_a_version_with_another_checksum_is_refused_with_both(session: Session) -> None:
    index.record(session, entry(), ["iot"])
    other = entry()
    other.sha256 = "f" * 64
    with pytest.raises(PermanentFault, match=f"sha256 '0+1' instead of '{'f' * 64}'"):
        index.record(session, other, ["iot"])


def test_all_tags_that_are_asked_for_must_hold(session: Session) -> None:
    index.record(session, entry("ord-20261122-aaaaaa"), ["iot", "agent:x"])
    index.record(session, entry("ord-20261122-bbbbbb"), ["iot"])
    both = ArchiveFilter(tags=("iot", "agent:x"))
    assert numbers(index.find(session, both)) == [("ord-20261122-aaaaaa", 1)]
    assert index.count(session, both) == 1
    assert index.count(session, ArchiveFilter(tags=("iot",))) == 2
    assert index.find(session, ArchiveFilter(tags=("iot", "voice"))) == []


def test_a_tag_of_one_version_does_not_find_another(session: Session) -> None:
    index.record(session, entry(version=1), ["failed"])
    index.record(session, entry(version=2), ["iot"])
    assert numbers(index.find(session, ArchiveFilter(tags=("failed",)))) == [(ORDER, 1)]


def test_since_counts_and_until_does_not(session: Session) -> None:
    for hour in range(4):
        index.record(session, entry(version=hour + 1, at=NOON + timedelta(hours=hour)), [])
    window = ArchiveFilter(since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=3))
    assert numbers(index.find(session, window)) == [(ORDER, 3), (ORDER, 2)]


def test_an_agent_finds_only_its_own_orders(session: Session) -> None:
    for order_no, agent in (("ord-20261122-aaaaaa", "agent-x"), ("ord-20261122-bbbbbb", "agent-y")):
        session.add(order(order_no, agent=agent))
        index.record(session, entry(order_no), ["iot"])
    mine = ArchiveFilter(agent="agent-y")
    assert numbers(index.find(session, mine)) == [("ord-20261122-bbbbbb", 1)]
    assert index.count(session, mine) == 1


def test_the_last_archived_come_first_page_by_page(session: Session) -> None:
    for minute in range(5):
        index.record(session, entry(version=minute + 1, at=NOON + timedelta(minutes=minute)), [])
    assert numbers(index.find(session, ArchiveFilter(), limit=2)) == [(ORDER, 5), (ORDER, 4)]
    second = index.find(session, ArchiveFilter(), limit=2, offset=2)
    assert numbers(second) == [(ORDER, 3), (ORDER, 2)]


def test_without_a_version_the_latest_entry_is_meant(session: Session) -> None:
    for version in (1, 2, 10):
        index.record(session, entry(version=version), [f"v{version}"])
    assert index.entry(session, ORDER).version == 10
    assert index.entry(session, ORDER, 2).tags == ("v2",)


@pytest.mark.parametrize(("order_no", "version"), [("ord-20261122-zzzzzz", None), (ORDER, 2)])
def test_what_was_never_archived_is_not_found(
    session: Session, order_no: str, version: int | None
) -> None:
    index.record(session, entry(), [])
    with pytest.raises(NotFound, match="archived order"):
        index.entry(session, order_no, version)


def test_pages_hold_every_entry_once_though_others_come_in_between(session: Session) -> None:
    for number in range(5):
        for version in (1, 2, 3):
            index.record(session, entry(f"ord-20261122-{number}", version), ["iot"])
    found, after = [], None
    while page := index.page_after(session, ArchiveFilter(tags=("iot",)), after=after, limit=4):
        found += numbers(page)
        after = found[-1]
        index.record(session, entry("ord-20261122-0", len(found) + 10), ["iot"])
    assert found == [
        (f"ord-20261122-{number}", version) for number in range(5) for version in (1, 2, 3)
    ]
