"""The audit log at the desk: who did what, to what, when and why. For admins."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ordercast.services.gateway.desk.access import Administering
from ordercast.services.gateway.desk.frame import page
from ordercast.store import audit
from ordercast.store.engine import database

router = APIRouter()

SIZE = 100

Sought = Annotated[str, Query(max_length=255)]


@router.get("/audit")
def show_audit(
    request: Request,
    viewer: Administering,
    who: Sought = "",
    subject: Sought = "",
    before: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """What was done, the newest first; by somebody, or to something, that is named."""
    who, subject = who.strip(), subject.strip()
    with database().read() as session:
        acts = audit.newest(
            session, who=who or None, subject=subject or None, before=before, limit=SIZE + 1
        )
    older = request.url.include_query_params(before=acts[SIZE - 1].key) if acts[SIZE:] else None
    return page(
        request,
        viewer,
        "audit.html",
        acts=acts[:SIZE],
        older=older and f"{older.path}?{older.query}",
        in_words=audit.in_words,
        who=who,
        subject=subject,
    )
