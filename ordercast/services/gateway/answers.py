"""Answers over HTTP: was everybody told of this order, and which outcomes were not told."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from ordercast.delivery.explaining_answers import explain_matrix, explain_untold
from ordercast.services.gateway.access import Reading
from ordercast.services.gateway.paging import Limit, page_size
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.push_matrix import matrix

router = APIRouter(prefix="/pushes", tags=["pushes"])

Minutes = Annotated[float, Query(ge=0, le=525_600, description="for longer than this")]


@router.get("/matrix")
def show_matrix(caller: Reading, order_no: str) -> dict[str, Any]:
    """One order × all subscribers: who was told of what, and why somebody was not."""
    with database().read() as session:
        return explain_matrix(matrix(session, order_no, agent=caller.agent))


@router.get("/untold")
def list_untold(
    caller: Reading, minutes: Minutes = 10, limit: Limit = None
) -> list[dict[str, Any]]:
    """Outcomes that are not everywhere told for so long, the oldest first."""
    at = now()
    before = at - timedelta(minutes=minutes)
    with database().read() as session:
        return explain_untold(
            session, before=before, now=at, limit=page_size(limit), agent=caller.agent
        )
