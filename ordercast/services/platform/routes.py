"""What the platform offers over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator
from sqlalchemy import text

from ordercast.contracts.outcome import Outcome
from ordercast.domain.errors import TooLarge
from ordercast.services.platform.access import check_token
from ordercast.services.platform.database import PlatformDatabase
from ordercast.services.platform.find import (
    Wanted,
    find_classes,
    find_document,
    find_page,
    find_versions,
)
from ordercast.services.platform.keep import keep
from ordercast.services.platform.submission import LARGEST_VERSION, read_submission
from ordercast.services.platform.tables import as_utc
from ordercast.services.platform.wire import (
    ClassEntry,
    Health,
    KeptVersion,
    Refusal,
    VersionEntry,
)

LARGEST_OFFSET = 10**9
OUTCOME_SCHEMA = {"$ref": "#/components/schemas/Outcome"}
OUTCOME_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": OUTCOME_SCHEMA}}}
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal} for status in (400, 401, 404, 409, 413, 503)
}

Time = Annotated[datetime, AfterValidator(as_utc)]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
Version = Annotated[int | None, Query(ge=1, le=LARGEST_VERSION)]


def database_of(request: Request) -> PlatformDatabase:
    return request.app.state.database


async def body_of(request: Request) -> bytes:
    """The body, read no further than the limit; TooLarge beyond it."""
    limit_bytes, body = request.app.state.max_body_bytes, bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise TooLarge(limit_bytes)
    return bytes(body)


def wanted_of(
    *,
    state: Annotated[str, Query(description="states, by comma: any of them")] = "",
    tag: str | None = None,
    agent: str | None = None,
    class_name: Annotated[str | None, Query(alias="class")] = None,
    since: Annotated[Time | None, Query(description="sealed then or later")] = None,
    until: Annotated[Time | None, Query(description="sealed before then")] = None,
) -> Wanted:
    states = tuple(name.strip() for name in state.split(",") if name.strip())
    return Wanted(
        states=states, tag=tag, agent=agent, class_name=class_name, since=since, until=until
    )


Database = Annotated[PlatformDatabase, Depends(database_of)]
Body = Annotated[bytes, Depends(body_of)]

open_routes = APIRouter()
routes = APIRouter(dependencies=[Depends(check_token)], responses=REFUSALS)


@open_routes.get("/health", response_model=Health, responses={503: {"model": Refusal}})
def health(database: Database) -> Health:
    """Whether the platform and its database answer; asks for no token."""
    with database.read() as session:
        session.connection().execute(text("SELECT 1"))
    return Health(status="ok")


@routes.put(
    "/orders/{order_no}",
    status_code=201,
    response_model=KeptVersion,
    responses={200: {"model": KeptVersion, "description": "It was kept before"}},
    openapi_extra=OUTCOME_BODY,
)
def put_order(order_no: str, key: Key, body: Body, database: Database) -> Response:
    """Keep a version of an order's outcome; the same request again changes nothing."""
    kept = keep(database, read_submission(order_no, key=key, body=body))
    return JSONResponse(kept.answer, status_code=201 if kept.is_new else 200)


@routes.get("/orders/{order_no}", response_model=Outcome)
def get_order(order_no: str, database: Database, version: Version = None) -> Response:
    """The current version of an order's outcome, or the one asked for."""
    with database.read() as session:
        document = find_document(session, order_no, version=version)
    return Response(document, media_type="application/json")


@routes.get("/orders/{order_no}/versions", response_model=list[VersionEntry])
def list_versions(order_no: str, database: Database) -> list[VersionEntry]:
    """The versions of an order that are held, the newest first."""
    with database.read() as session:
        return find_versions(session, order_no)


@routes.get("/orders", response_model=list[Outcome])
def list_orders(
    wanted: Annotated[Wanted, Depends(wanted_of)],
    database: Database,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Current outcomes without their lines, the last sealed first; X-Total-Count has all."""
    with database.read() as session:
        page = find_page(session, wanted, offset=offset, limit=limit)
    counts = {"X-Total-Count": str(page.total), "X-Result-Count": str(len(page.summaries))}
    return JSONResponse(list(page.summaries), headers=counts)


@routes.get("/classes", response_model=list[ClassEntry])
def list_classes(database: Database) -> list[ClassEntry]:
    """Every class of orders, with how many are in each state."""
    with database.read() as session:
        return find_classes(session)
