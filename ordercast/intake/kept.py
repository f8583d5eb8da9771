"""Reading a kept message again, long after it was accepted."""

from ordercast.domain.errors import PermanentFault
from ordercast.intake.drafts import Draft
from ordercast.intake.parse import parse
from ordercast.store import inbox
from ordercast.store.tables import InboxMessage


def kept_order(kept: InboxMessage) -> Draft:
    """The order that a kept message is; PermanentFault if it cannot be read any more.

    An order out of a dialect is kept as it was translated at receipt, so whatever becomes of
    the dialect's file does not touch it.
    """
    parsed = parse(inbox.plain_body(kept), kept.media_type)
    if not parsed.drafts:
        told = "; ".join(f"{each.field} {each.problem}" for each in parsed.problems[:5])
        raise PermanentFault(f"message {kept.id} can no longer be read: {told}")
    return parsed.drafts[0]
