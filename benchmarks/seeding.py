"""Seeding: one real order that waits is copied many times, in our database and in Prefect's.

Everything that tells orders apart is made anew: numbers, keys, times. All else is as the
services have written it.
"""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, MetaData, Table, insert, select, text
from sqlalchemy.exc import SAWarning

from benchmarks.telling import Counter

CHUNK = 500

OURS = ("inbox_message", "service_order", "order_line", "work_order", "order_run")
CLAIMS = ("exclusive_claim",)
RUNS = ("flow_run", "flow_run_state", "task_run", "artifact", "artifact_collection")

Row = Mapping[str, Any]
Changer = Callable[[int], Any]


@dataclass(frozen=True)
class Template:
    """A row to copy: what is the same in all copies, and how the other columns are made."""

    table: Table
    same: dict[str, Any]
    changed: dict[str, Changer]

    def copy(self, number: int) -> dict[str, Any]:
        return self.same | {name: make(number) for name, make in self.changed.items()}


class Copier:
    """Makes copies of the rows of one order, by what tells it apart from others."""

    def __init__(self, order_no: str, texts: Iterable[str], keys: Iterable[UUID]) -> None:
        self._keys = frozenset(keys)
        day, suffix = order_no.removeprefix("ord-").rsplit("-", 1)
        self._makers: dict[str, Callable[[int], str]] = {
            f"{day}-{suffix}": lambda n: f"{day}-z{n:06d}"
        }
        for each in texts:
            self._makers[each] = lambda n, each=each: f"{each}-{n}"
        for key in self._keys:
            self._makers[str(key)] = lambda n, key=key: str(_moved(key, n))
            self._makers[key.hex] = lambda n, key=key: _moved(key, n).hex

    def template(self, table: Table, row: Row) -> Template:
        changers = {name: self._changer(value) for name, value in row.items()}
        changed = {name: changer for name, changer in changers.items() if changer}
        return Template(table, dict(row), changed)

    def _changer(self, value: Any) -> Changer | None:
        if isinstance(value, UUID):
            return (lambda n: _moved(value, n)) if value in self._keys else None
        if isinstance(value, datetime):
            return lambda n: value - timedelta(seconds=n)
        if isinstance(value, str):
            return self._text_changer(value)
        if isinstance(value, dict | list):
            dumped = self._text_changer(json.dumps(value))
            return (lambda n: json.loads(dumped(n))) if dumped else None
        return None

    def _text_changer(self, value: str) -> Callable[[int], str] | None:
        found = {old: make for old, make in self._makers.items() if old in value}
        if not found:
            return None

        def change(number: int) -> str:
            changed = value
            for old, make in found.items():
                changed = changed.replace(old, make(number))
            return changed

        return change


def _moved(key: UUID, number: int) -> UUID:
    """Another key for each number: the last twenty bits differ."""
    return UUID(int=key.int ^ number)


def seed(ours: Engine, prefects: Engine, order_no: str, copies: int) -> None:
    """Copy an order that waits, whose flow run is suspended.

    Runs come first: recovery launches an order anew whose run is not there.
    """
    tables, theirs = tables_of(ours), tables_of(prefects)
    rows = {name: list(rows_of(ours, tables[name], "order_no", order_no)) for name in OURS}
    claims = {name: list(rows_of(ours, tables[name], "order_no", order_no)) for name in CLAIMS}
    run_id = UUID(str(rows["order_run"][0]["flow_run_id"]))
    runs = _run_rows(prefects, theirs, run_id)
    texts = [str(rows["inbox_message"][0]["id"]), str(rows["service_order"][0]["external_id"])]
    texts += [str(claim["resource"]) for claim in claims["exclusive_claim"]]
    copier = Copier(order_no, texts, _keys(runs, run_id))
    states = _without_state(runs)
    _insert(prefects, theirs, runs, copier, copies, what="suspended runs seeded")
    _set_states(prefects, states)
    _insert(ours, tables, rows | claims, copier, copies, what="orders seeded")
    for engine in (ours, prefects):
        analyze(engine)


def tables_of(engine: Engine) -> Mapping[str, Table]:
    metadata = MetaData()
    with warnings.catch_warnings(action="ignore", category=SAWarning):  # of indexes
        metadata.reflect(engine)
    return metadata.tables


def rows_of(engine: Engine, table: Table, column: str, value: Any) -> Iterator[Row]:
    with engine.connect() as connection:
        query = select(table).where(table.c[column] == value)
        yield from [dict(row) for row in connection.execute(query).mappings()]


def _run_rows(engine: Engine, tables: Mapping[str, Table], run_id: UUID) -> dict[str, list[Row]]:
    """The rows of a flow run; SQLite keeps its keys as text."""
    key: Any = str(run_id) if engine.dialect.name == "sqlite" else run_id
    column = dict.fromkeys(RUNS, "flow_run_id") | {"flow_run": "id"}
    return {name: list(rows_of(engine, tables[name], column[name], key)) for name in RUNS}


def _keys(runs: Mapping[str, list[Row]], run_id: UUID) -> list[UUID]:
    found = {UUID(str(row["id"])) for rows in runs.values() for row in rows}
    found |= {UUID(str(row["state_id"])) for row in runs["task_run"] if row["state_id"]}
    return sorted(found | {run_id})


def _without_state(runs: dict[str, list[Row]]) -> str:
    """Runs are inserted before their states, to which they refer; the name of the last one."""
    (run,) = runs["flow_run"]
    runs["flow_run"] = [{**run, "state_id": None}]
    return str(run["state_name"])


def _set_states(engine: Engine, name: str) -> None:
    statement = (
        "UPDATE flow_run SET state_id = (SELECT s.id FROM flow_run_state s WHERE "
        "s.flow_run_id = flow_run.id AND s.name = :name) WHERE state_id IS NULL"
    )
    with engine.begin() as connection:
        connection.execute(text(statement), {"name": name})


def _insert(
    engine: Engine,
    tables: Mapping[str, Table],
    rows: Mapping[str, Sequence[Row]],
    copier: Copier,
    copies: int,
    *,
    what: str,
) -> None:
    tell = Counter(what, copies)
    templates = [copier.template(tables[name], row) for name, some in rows.items() for row in some]
    for start in range(1, copies + 1, CHUNK):
        numbers = range(start, min(start + CHUNK, copies + 1))
        with engine.begin() as connection:
            for each in templates:
                connection.execute(insert(each.table), [each.copy(n) for n in numbers])
        tell(numbers[-1])


def analyze(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
