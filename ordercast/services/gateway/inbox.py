"""The inbox over HTTP: what became of each message; never its content."""

from typing import Any

from fastapi import APIRouter

from ordercast.services.gateway.access import Reading
from ordercast.services.gateway.paging import Limit, Offset, page_size
from ordercast.store import inbox
from ordercast.store.engine import database
from ordercast.store.tables import InboxMessage

router = APIRouter(tags=["inbox"])


@router.get("/inbox")
def list_messages(
    caller: Reading, outcome: str | None = None, offset: Offset = 0, limit: Limit = None
) -> list[dict[str, Any]]:
    """Messages, the newest first; `outcome=refused` shows those that must be mended."""
    with database().read() as session:
        found = inbox.messages(
            session, outcome=outcome, agent=caller.agent, offset=offset, limit=page_size(limit)
        )
    return [_shown(message) for message in found]


@router.get("/inbox/{message_id}")
def get_message(caller: Reading, message_id: str) -> dict[str, Any]:
    """One message."""
    with database().read() as session:
        return _shown(inbox.message(session, message_id, agent=caller.agent))


def _shown(message: InboxMessage) -> dict[str, Any]:
    return message.model_dump(mode="json", exclude={"sealed"})
