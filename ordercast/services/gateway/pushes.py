"""Pushes over HTTP: what each subscriber was told of each order, and what came of it."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ordercast.delivery.explaining import explain_attempt, explain_push
from ordercast.domain.errors import NotFound
from ordercast.services.gateway.access import Reading
from ordercast.services.gateway.paging import Limit, Offset, count_headers, page_size
from ordercast.store import push_ledger
from ordercast.store.engine import database
from ordercast.store.push_ledger import PushFilter, parse_state

router = APIRouter(prefix="/pushes", tags=["pushes"])


@router.get("")
def list_pushes(
    caller: Reading,
    response: Response,
    order_no: str | None = None,
    subscriber_id: str | None = None,
    state: str | None = None,
    limit: Limit = None,
    offset: Offset = 0,
) -> list[dict[str, Any]]:
    """Events × subscribers, with the last verdict explained and the next attempt's time."""
    wanted = PushFilter(order_no, subscriber_id, parse_state(state), only_of=caller.agent)
    rows = page_size(limit)
    with database().read() as session:
        total, page = push_ledger.deliveries(session, wanted, limit=rows, offset=offset)
    count_headers(response, total=total, shown=len(page))
    return [explain_push(entry) for entry in page]


@router.get("/{delivery_id}")
def show_push(caller: Reading, delivery_id: str) -> dict[str, Any]:
    """One push with all its attempts, the first one first."""
    try:
        key = UUID(delivery_id)
    except ValueError:
        raise NotFound("push", delivery_id) from None
    with database().read() as session:
        entry = push_ledger.delivery(session, key, agent=caller.agent)
        attempts = push_ledger.attempts(session, key)
    return {**explain_push(entry), "attempt_log": [explain_attempt(each) for each in attempts]}
