"""The result manifest of an order: what became of each line, for whoever holds the link."""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlmodel import Session

from ordercast.domain.errors import NotFound, PermanentFault
from ordercast.domain.redacting import identifiers
from ordercast.store.evidence import COMPRESSION_LEVEL, GZIP
from ordercast.store.tables import ResultManifest

Line = Mapping[str, Any]


def manifest(lines: Iterable[Line]) -> bytes:
    """The lines of an outcome as gzipped NDJSON, a row each; the same bytes for the same lines.

    A row has numbers and cards partly masked, and no other characteristics.
    """
    squeeze = zlib.compressobj(COMPRESSION_LEVEL, wbits=GZIP)
    squeezed = bytearray()
    for line in lines:
        squeezed += squeeze.compress(f"{_json(_row(line))}\n".encode())
    return bytes(squeezed + squeeze.flush())


def _row(line: Line) -> dict[str, Any]:
    first = next(iter(line["failures"]), {})
    return {
        "line_no": line["line_no"],
        "item_id": line["item_id"],
        "product": line["product"],
        "action": line["action"],
        "state": line["state"],
        "code": first.get("code"),
        "text": first.get("text"),
        "failures": line["failures"],
        **identifiers(line["characteristics"]),
    }


def _json(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def record(session: Session, made: ResultManifest) -> None:
    """Enter where a manifest lies; one that is entered stays as it is.

    PermanentFault if it stands there with another place or checksum.
    """
    standing = session.get(ResultManifest, (made.order_no, made.version))
    if standing is None:
        session.add(made)
    elif standing.model_dump() != made.model_dump():
        what = f"{made.order_no} version {made.version}"
        raise PermanentFault(f"{what} has another result manifest already: {standing.sha256}")


def find(session: Session, order_no: str, version: int) -> ResultManifest | None:
    """Where the manifest of a version lies; None if it has none."""
    return session.get(ResultManifest, (order_no, version))


def of_version(session: Session, order_no: str, version: int) -> ResultManifest:
    """Where the manifest of a version lies; NotFound if it has none."""
    found = find(session, order_no, version)
    if found is None:
        raise NotFound("result manifest", f"{order_no} version {version}")
    return found
