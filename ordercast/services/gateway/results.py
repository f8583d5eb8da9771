"""Result manifests over HTTP: what became of each line, for whoever holds the link."""

import logging
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from ordercast.delivery import result_links
from ordercast.domain.errors import ConfigurationError, PermanentFault, TransientFault
from ordercast.services.gateway.archived import Read, begun, download, read_by_block
from ordercast.services.gateway.refusals import error_body
from ordercast.store import results
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.tables import ResultManifest

log = logging.getLogger("ordercast.gateway")

router = APIRouter(prefix="/results", tags=["results"])

RETRY_AFTER_SECONDS = 30


@router.get("/{order_no}/{version}", response_class=Response)
def get_results(
    order_no: str,
    version: int,
    expires: Annotated[int, Query(description="when the link ends, in seconds since 1970")],
    signature: Annotated[str, Query(description="as it was told")],
    read: Annotated[Read, Depends(read_by_block)],
) -> Response:
    """What became of each line of a version: gzipped NDJSON, by the link of its event."""
    result_links.check(order_no, version, expires=expires, signature=signature, at=now())
    with database().read() as session:
        found = results.of_version(session, order_no, version)
    try:
        pieces = begun(read(found.bucket, found.key))
    except TransientFault as fault:
        return _away(HTTPStatus.SERVICE_UNAVAILABLE, found, fault)
    except (PermanentFault, ConfigurationError) as fault:
        return _away(HTTPStatus.BAD_GATEWAY, found, fault)
    name = f"{order_no}-v{version}.results.ndjson.gz"
    return download(pieces, name=name, size_bytes=found.size_bytes, sha256=found.sha256)


def _away(status: HTTPStatus, found: ResultManifest, fault: Exception) -> JSONResponse:
    """What is wrong with the archive is for the operators' log, not for who holds a link."""
    log.warning("%s/%s cannot be read: %s", found.bucket, found.key, fault)
    text = "the archive does not give the results now; try again later, the link stays as it is"
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return JSONResponse(error_body(status, status.phrase, text), status, headers=headers)
