"""What the archive has of an order, to be kept as a file."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from ordercast.domain.errors import ConfigurationError, Conflict, PermanentFault, TransientFault
from ordercast.services.gateway.archived import Read, begun, download, read_by_block
from ordercast.services.gateway.desk.access import Watching
from ordercast.store import archive, audit, results
from ordercast.store.archive import ArchivedVersion
from ordercast.store.engine import database
from ordercast.store.tables import ResultManifest

log = logging.getLogger("ordercast.gateway")

router = APIRouter()

Archive = Annotated[Read, Depends(read_by_block)]


@router.get("/orders/{order_no}/versions/{version}/evidence")
def get_evidence(viewer: Watching, order_no: str, version: int, read: Archive) -> Response:
    """The evidence of a version, as it lies in the archive: secrets in it are sealed."""
    with database().write() as session:
        found = archive.entry(session, order_no, version)
        details = {"version": version, "sha256": found.sha256}
        audit.note(
            session, who=viewer.name, did="orders.evidence", subject=order_no, details=details
        )
    return _download(read, found, f"{order_no}-v{version}.evidence.json.gz")


@router.get("/orders/{order_no}/versions/{version}/results")
def get_results(viewer: Watching, order_no: str, version: int, read: Archive) -> Response:
    """What became of each line of a version."""
    del viewer
    with database().read() as session:
        found = results.of_version(session, order_no, version)
    return _download(read, found, f"{order_no}-v{version}.results.ndjson.gz")


def _download(read: Read, found: ArchivedVersion | ResultManifest, name: str) -> Response:
    try:
        pieces = begun(read(found.bucket, found.key))
    except (TransientFault, PermanentFault, ConfigurationError) as fault:
        log.warning("%s/%s cannot be read: %s", found.bucket, found.key, fault)
        raise Conflict("the archive does not give it now; the gateway's log says why") from None
    return download(pieces, name=name, size_bytes=found.size_bytes, sha256=found.sha256)
