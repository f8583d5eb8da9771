"""Result manifests over HTTP: what became of each line, for whoever holds the link."""

import logging
from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse

from ordercast.delivery import result_links
from ordercast.domain.errors import (
    ConfigurationError,
    CredentialsRefused,
    PermanentFault,
    TransientFault,
)
from ordercast.services.gateway.refusals import error_body
from ordercast.store import results
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.tables import ResultManifest

log = logging.getLogger("ordercast.gateway")

router = APIRouter(prefix="/results", tags=["results"])

MEDIA_TYPE = "application/gzip"
RETRY_AFTER_SECONDS = 30

Read = Callable[[str, str], Iterator[bytes]]
"""How an object is read from the archive, by bucket and key."""


def read_by_block() -> Read:
    """From the archive by its block, read anew if the key at hand is refused.

    Imported late, since Prefect takes its time to load.
    """
    from blocks.loading import forget_clients, order_archive  # noqa: PLC0415

    def read(bucket: str, key: str) -> Iterator[bytes]:
        try:
            return _begun(order_archive().read(bucket, key))
        except CredentialsRefused:
            forget_clients()
            return _begun(order_archive().read(bucket, key))

    return read


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
        pieces = _begun(read(found.bucket, found.key))
    except TransientFault as fault:
        return _away(HTTPStatus.SERVICE_UNAVAILABLE, found, fault)
    except (PermanentFault, ConfigurationError) as fault:
        return _away(HTTPStatus.BAD_GATEWAY, found, fault)
    return StreamingResponse(pieces, media_type=MEDIA_TYPE, headers=_headers(found))


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, the first of them read: what is missing is known before the answer begins."""
    return chain([next(pieces, b"")], pieces)


def _headers(found: ResultManifest) -> dict[str, str]:
    name = f"{found.order_no}-v{found.version}.results.ndjson.gz"
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(found.size_bytes),
        "ETag": f'"{found.sha256}"',
        "Cache-Control": "private",
    }


def _away(status: HTTPStatus, found: ResultManifest, fault: Exception) -> JSONResponse:
    """What is wrong with the archive is for the operators' log, not for who holds a link."""
    log.warning("%s/%s cannot be read: %s", found.bucket, found.key, fault)
    text = "the archive does not give the results now; try again later, the link stays as it is"
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return JSONResponse(error_body(status, status.phrase, text), status, headers=headers)
