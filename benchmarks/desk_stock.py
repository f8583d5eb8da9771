"""The orders that the desk is measured over: real ones of each kind, copied many times.

They are made in this process, by the steps of the flow without their flow runs.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert

from benchmarks.seeding import CHUNK, Copier, Row, analyze, rows_of, tables_of
from benchmarks.telling import Counter
from ordercast.contracts.subscriber import NewSubscriber, SubscriberKind
from ordercast.domain.order import Stage
from ordercast.store import archive, runs, subscribers
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.outcomes import sealed as outcome_of
from ordercast.store.runs import Lease, working
from ordercast.store.tables import ArchiveEntry, PlatformSync
from tasks.archive import evidence_object
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tests.orders import complete, item, named, order, plan_change, report, waiting

COPIED = (
    *("inbox_message", "service_order", "order_line", "order_subject", "work_order", "order_run"),
    *("exclusive_claim", "completion_report", "order_outcome", "platform_sync", "archive_entry"),
    *("archive_tag", "push_event", "push_delivery"),
)
AGENTS = 5
SUBSCRIBERS = 2

Maker = Callable[[dict[str, Any]], str]


def still_waiting(more: dict[str, Any]) -> str:
    """An order of one IoT card that waits for its work."""
    return waiting(order(**more))[0]


def half_done(more: dict[str, Any]) -> str:
    """A plan change whose first piece of work is done, the next in a queue."""
    order_no, _ = waiting(plan_change(**more))
    report(named(order_no, "contract-check"))
    return order_no


def completed(more: dict[str, Any]) -> str:
    """An order that was carried to its end."""
    order_no, lease = waiting(order(item(product="iot-card"), **more))
    complete(order_no)
    return _ended(order_no, lease)


def failed(more: dict[str, Any]) -> str:
    """A plan change that failed, and of which everybody was told."""
    order_no, lease = waiting(plan_change(**more))
    report(named(order_no, "contract-check"), "failed", code="C-17", text="contract runs on")
    return _ended(order_no, lease)


def parked(more: dict[str, Any]) -> str:
    """An order whose archive was away at its end."""
    order_no, lease = waiting(order(**more))
    complete(order_no)
    assert await_completion.fn(lease)
    runs.park(lease, "the archive does not answer")
    return order_no


def stuck(more: dict[str, Any]) -> str:
    """An order that a person must look at."""
    order_no, lease = waiting(order(**more))
    runs.ask_operator(lease, "the platform refuses it: 422")
    return order_no


SHARES: Mapping[Maker, float] = {
    still_waiting: 0.55,
    half_done: 0.1,
    completed: 0.29,
    failed: 0.05,
    parked: 0.005,
    stuck: 0.005,
}
"""How large a part each kind has of all orders."""


def stock(orders: int, shares: Mapping[Maker, float] = SHARES) -> dict[str, str]:
    """Fill this process's database, which is empty; an order of each kind, by its name."""
    with database().write() as session:
        for number in range(SUBSCRIBERS):
            url = f"https://receiver-{number}.example.com/"
            wanted = NewSubscriber(name=f"receiver {number}", kind=SubscriberKind.PUBLIC, url=url)
            subscribers.create(session, wanted, secret="whsec_" + "x" * 32)
    numbers, named_by_kind = count(1), {}
    tables = tables_of(database().engine)
    tell = Counter("orders", orders)
    for make, share in shares.items():
        for agent in range(AGENTS):
            party = {"id": f"agent-{agent}", "role": "agent", "@referredType": "Organization"}
            order_no = make({"relatedParty": [party], "externalId": f"po-{make.__name__}-{agent}"})
            named_by_kind[make.__name__] = order_no
            copies = round(orders * share / AGENTS)
            _copy(tables, order_no, [next(numbers) for _ in range(copies)], tell)
    analyze(database().engine)
    return named_by_kind


def _ended(order_no: str, lease: Lease) -> str:
    """Steps 5 to 7, without the partners that they speak to."""
    assert await_completion.fn(lease)
    with working(lease) as work:
        outcome = outcome_of(work.session, order_no, 1, with_evidence=True)
        evidence = evidence_object(outcome)
        entry = ArchiveEntry(
            order_no=order_no,
            version=1,
            bucket=evidence.bucket,
            key=evidence.key,
            sha256=evidence.sha256,
            size_bytes=len(evidence.body),
            archived_at=now(),
        )
        work.session.add(
            PlatformSync(order_no=order_no, version=1, synced_at=now(), status=201, answer="{}")
        )
        archive.record(work.session, entry, outcome.tags)
        work.reach(Stage.ARCHIVED)
    assert broadcast.fn(lease)
    return order_no


def _copy(tables: Mapping[str, Table], order_no: str, numbers: list[int], tell: Counter) -> None:
    into = database()
    rows = {name: list(rows_of(into.engine, tables[name], "order_no", order_no)) for name in COPIED}
    copier = Copier(order_no, _texts(rows), _keys(rows))
    templates = [
        copier.template(tables[name], _alone(tables[name], row))
        for name, some in rows.items()
        for row in some
    ]
    for start in range(0, len(numbers), CHUNK):
        some = numbers[start : start + CHUNK]
        with into.writer.begin() as connection:
            for place, each in enumerate(templates):
                copies = [each.copy(n) for n in some]
                connection.execute(
                    insert(each.table), list(_apart(each.table, copies, some, place))
                )
        tell(some[-1])


def _texts(rows: Mapping[str, list[Row]]) -> Iterator[str]:
    """What tells the order apart, beside its number."""
    yield str(rows["inbox_message"][0]["id"])
    yield str(rows["service_order"][0]["external_id"])
    for claim in rows["exclusive_claim"]:
        yield str(claim["resource"])


def _keys(rows: Mapping[str, list[Row]]) -> Iterator[UUID]:
    for name in ("push_event", "push_delivery"):
        yield from (UUID(str(row["id"])) for row in rows[name])


def _alone(table: Table, row: Row) -> Row:
    """A row without what the database counts by itself."""
    return {name: value for name, value in row.items() if (table.name, name) != REPORT_KEY}


REPORT_KEY = ("completion_report", "key")


def _apart(
    table: Table, copies: list[dict[str, Any]], numbers: list[int], place: int
) -> Iterator[dict[str, Any]]:
    """Hashes and positions are numbers: each copy has its own."""
    for copy, number in zip(copies, numbers, strict=True):
        if table.name == "order_subject":
            yield {**copy, "hash": copy["hash"] + number}
        elif table.name == "push_event":
            yield {**copy, "position": number * 100 + place}
        else:
            yield copy
