"""Subjects: the numbers, cards and devices that orders are found by, as keyed hashes."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from ordercast.domain.identities import Identity, identities
from ordercast.store.finding_tables import OrderSubject
from ordercast.store.sealing import Sealer, sealer

PURPOSE = "ordercast order subjects"
HASH_BYTES = 8
"""Of ten million numbers two have the same hash once in a hundred thousand installations."""

MOST_FOUND = 1000
"""Of a number that more orders are about, the newest so many are found."""

Subject = tuple[Identity, str]
LineSubjects = Iterable[tuple[int, Mapping[str, Any]]]
"""Each line's number and its characteristics, not masked."""

IN_ONE_GO = text(
    "INSERT INTO order_subject (hash, order_no, line_no) SELECT each.hash, :order_no, each.line_no"
    " FROM unnest(CAST(:hashes AS bigint[]), CAST(:line_nos AS integer[])) AS each(hash, line_no)"
    " ON CONFLICT DO NOTHING"
)

ONE_BY_ONE = "INSERT OR IGNORE INTO order_subject (hash, order_no, line_no) VALUES (?, ?, ?)"


def add(session: Session, order_no: str, lines: LineSubjects) -> int:
    """Have an order found by what its lines are about; how many distinct subjects there are.

    What is there already stays, so that it can be said again.
    """
    key = _keys(sealer())[0]
    first: dict[int, int] = {}
    for line_no, characteristics in lines:
        for subject in identities(characteristics):
            first.setdefault(_hash(key, subject), line_no)
    if first:
        _insert(session, order_no, first)
    return len(first)


def _insert(session: Session, order_no: str, first: Mapping[int, int]) -> None:
    """In the order of the tree that they go into; PostgreSQL takes all in one statement."""
    hashes = sorted(first)
    if session.get_bind().dialect.name == "postgresql":
        line_nos = [first[each] for each in hashes]
        given = {"order_no": order_no, "hashes": hashes, "line_nos": line_nos}
        session.execute(IN_ONE_GO, given)
    else:
        rows = [(each, order_no, first[each]) for each in hashes]
        session.connection().exec_driver_sql(ONE_BY_ONE, rows)


def orders_about(session: Session, subjects: Sequence[Subject]) -> dict[str, int]:
    """The orders about any of the subjects, by number, each with the first line that names it."""
    hashes = [_hash(key, each) for key in _keys(sealer()) for each in subjects]
    if not hashes:
        return {}
    query = select(OrderSubject.order_no, OrderSubject.line_no).where(
        col(OrderSubject.hash).in_(hashes)
    )
    newest = query.order_by(col(OrderSubject.order_no).desc()).limit(MOST_FOUND)
    return dict(session.exec(newest).all())


@cache
def _keys(of: Sealer) -> list[bytes]:
    """A key for each sealing key, the newest first: what was added under an older one is found."""
    return of.derived_keys(PURPOSE)


def _hash(key: bytes, subject: Subject) -> int:
    """Keyed BLAKE2b (RFC 7693), a kind of its own for each identity."""
    identity, spelled = subject
    made = blake2b(spelled.encode(), digest_size=HASH_BYTES, key=key, person=identity.encode())
    return int.from_bytes(made.digest(), signed=True)
