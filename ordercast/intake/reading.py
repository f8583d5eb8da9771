"""Reading a message: in a partner's dialect, or in Ordercast's own forms."""

from config.dialects import Dialect
from ordercast.domain.errors import InvalidMessage
from ordercast.intake.dialects.building import draft_of
from ordercast.intake.dialects.choosing import choose
from ordercast.intake.dialects.hiding import hide, hide_again
from ordercast.intake.dialects.opening import open_document
from ordercast.intake.dialects.parts import Part
from ordercast.intake.dialects.translating import translate
from ordercast.intake.drafts import Parsed
from ordercast.intake.parse import parse
from ordercast.store.inbox import RawMessage


def read(message: RawMessage) -> Parsed:
    """The orders that a message holds, and everything that is wrong with it; never raises."""
    try:
        dialect = choose(message).dialect
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems)
    if dialect is None:
        return parse(message.body, message.media_type)
    return read_in(dialect, message.body, message.media_type)


def read_in(dialect: Dialect, body: bytes, media_type: str) -> Parsed:
    """The orders that a message in a dialect holds; never raises."""
    try:
        document = open_document(dialect, body, media_type)
    except InvalidMessage as refused:
        return Parsed(problems=refused.problems, dialect=dialect.name)
    orders, problems = translate(document)
    if dialect.written.sensitive or _marks_values(orders):
        hide(orders, translate(document.hidden())[0])
        for order in orders:
            hide_again(order)
    drafts = []
    for order in orders:
        draft, wrong = draft_of(order)
        problems += wrong
        drafts += [draft] if draft else []
    return Parsed(drafts, problems, dialect=dialect.name)


def _marks_values(orders: list[Part]) -> bool:
    """Whether rules of the dialect mark what they find, apart from the paths that it lists."""
    return any(order.secret for order in orders)
