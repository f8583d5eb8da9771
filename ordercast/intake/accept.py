"""Intake: a message becomes orders, or is refused, and is kept either way.

Gateway, listener and command line all come through here. Nothing is acknowledged before it
is stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, NoReturn

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from config.catalog import catalogue
from ordercast.contracts.service_order import ServiceOrderCreate
from ordercast.domain.catalog import Catalogue
from ordercast.domain.errors import Conflict, Forbidden, InvalidMessage, Problem
from ordercast.domain.order import OrderState, new_order_no, priority_number, title
from ordercast.intake.canonical import differences
from ordercast.intake.csv_batch import CSV
from ordercast.intake.drafts import Draft, Parsed
from ordercast.intake.json_orders import plain_type
from ordercast.intake.kept import kept_order
from ordercast.intake.reading import read
from ordercast.store import inbox, orders, replying
from ordercast.store.clock import now
from ordercast.store.engine import Database
from ordercast.store.inbox import MessageOutcome, RawMessage
from ordercast.store.tables import InboxMessage, ServiceOrder

DEFAULT_AGENT = "default"
TRIES = 3


@dataclass(frozen=True)
class Accepted:
    """An order that a message stands for; `is_new` is false if it had been sent before."""

    order_no: str
    is_new: bool


@dataclass(frozen=True)
class Receipt:
    """What became of a message: its orders, and the parts left out on request."""

    orders: Sequence[Accepted]
    left_out: Sequence[Problem] = ()


def accept(
    database: Database,
    message: RawMessage,
    *,
    only_valid: bool = False,
    only_of: str | None = None,
) -> Receipt:
    """Take the orders of a message, all of them or none, and keep the message.

    With `only_valid` the good parts are taken and the problems of the others returned. The
    agent and external id of `message` serve where the order itself names none. A message in
    a dialect is kept as it came, and each order in it as it was translated.

    Where the sender is known to be an agent, `only_of`, all orders are its own.

    Raises InvalidMessage (with the id of the kept message) for what cannot be read, Forbidden
    for what names another agent than the sender, and Conflict if the agent has used an
    external id for other content.
    """
    named = {message.agent}
    message = replace(message, agent=only_of or message.agent)
    parsed = read(message)
    named |= {draft.order.agent for draft in parsed.drafts}
    if only_of and named - {None, only_of}:
        _forbid(database, message)
    message = replace(message, dialect=parsed.dialect or message.dialect)
    if parsed.problems and not (only_valid and parsed.drafts):
        _refuse(database, message, parsed.problems)
    for attempt in range(TRIES):
        try:
            return _take(database, message, parsed)
        except IntegrityError:  # someone else took this external id or order number just now
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _refuse(database: Database, message: RawMessage, problems: Sequence[Problem]) -> NoReturn:
    with database.write() as session:
        kept = inbox.keep(session, message, outcome=MessageOutcome.REFUSED, problems=problems)
    raise InvalidMessage(problems, message_id=kept.id)


def _forbid(database: Database, message: RawMessage) -> NoReturn:
    cure = "leave the agent out, or use that agent's key"
    problem = Problem("relatedParty", "names an agent that the key is not for", cure)
    with database.write() as session:
        inbox.keep(session, message, outcome=MessageOutcome.REFUSED, problems=[problem])
    raise Forbidden(str(problem))


def _take(database: Database, message: RawMessage, parsed: Parsed) -> Receipt:
    try:
        with database.write() as session:
            parts = [
                _part(message, draft, parsed, place)
                for place, draft in enumerate(parsed.drafts, start=1)
            ]
            orders.hold_external_ids(session, _named(parts))
            origin = _origin(session, message) if parsed.dialect else None
            taken = [
                _take_one(session, part, draft, origin)
                for part, draft in zip(parts, parsed.drafts, strict=True)
            ]
            if origin:
                _close(origin, taken)
    except Conflict as conflict:
        problem = Problem("externalId", str(conflict), "send a new externalId, or the same order")
        with database.write() as session:
            kept = inbox.keep(session, message, outcome=MessageOutcome.CONFLICT, problems=[problem])
        conflict.message_id = kept.id
        raise
    return Receipt(taken, parsed.problems)


def _origin(session: Session, message: RawMessage) -> InboxMessage:
    """The message in a dialect itself, kept once, however many orders it holds."""
    return inbox.keep(session, message, outcome=MessageOutcome.ACCEPTED)


def _close(origin: InboxMessage, taken: Sequence[Accepted]) -> None:
    """Say what became of a message in a dialect, and name its first order."""
    fresh = [each for each in taken if each.is_new]
    origin.order_no = (fresh or taken)[0].order_no
    if not fresh:
        origin.outcome = MessageOutcome.DUPLICATE


def _part(message: RawMessage, draft: Draft, parsed: Parsed, place: int) -> RawMessage:
    """The part of a message that is one order."""
    return replace(
        message,
        body=draft.raw,
        media_type=draft.media_type,
        agent=draft.order.agent or message.agent or DEFAULT_AGENT,
        external_id=_external_id(draft, message, parsed, place),
    )


def _named(parts: Sequence[RawMessage]) -> Iterator[tuple[str, str]]:
    for part in parts:
        if part.agent is None:
            continue
        if part.external_id is not None:
            yield part.agent, part.external_id
        elif part.queue is not None:
            yield part.agent, sha256(part.body).hexdigest()


def _take_one(
    session: Session, part: RawMessage, draft: Draft, origin: InboxMessage | None
) -> Accepted:
    first = _first_order(session, part)
    if first is None:
        return Accepted(_open(session, part, draft, origin), is_new=True)
    if fields := _differing(session, first, draft, origin):
        raise Conflict(
            f"externalId {first.external_id!r} of agent {first.agent!r} is {first.order_no}, "
            f"whose content differs in: {', '.join(fields[:20])}",
            fields,
        )
    if origin is None:
        inbox.keep(session, part, outcome=MessageOutcome.DUPLICATE, order_no=first.order_no)
    if part.reply_to:
        replying.remember(session, first, part.reply_to)
    return Accepted(first.order_no, is_new=False)


def _external_id(draft: Draft, message: RawMessage, parsed: Parsed, place: int) -> str | None:
    given = draft.order.external_id or message.external_id
    is_file = plain_type(message.media_type) == CSV and len(parsed.drafts) == 1
    if given is None and is_file:
        return f"csv-{sha256(message.body).hexdigest()[:32]}"  # the same file twice is one order
    if given is None and message.key:
        several = draft.line is not None or len(parsed.drafts) > 1
        return f"{message.key}-{draft.line or place}" if several else message.key
    return given


def _first_order(session: Session, part: RawMessage) -> ServiceOrder | None:
    if part.agent is not None and part.external_id is not None:
        return orders.by_external_id(session, part.agent, part.external_id)
    if not part.redelivered:
        return None
    order_no = inbox.accepted_before(session, part)
    return orders.order(session, order_no) if order_no else None


def _differing(
    session: Session, first: ServiceOrder, draft: Draft, origin: InboxMessage | None
) -> list[str]:
    """Where the draft differs from the order as it was sent first, and as it is now.

    The same bytes are the same message, even if their dialect has been changed in between.
    """
    if first.content_sha256 == draft.content_sha256:
        return []
    latest = inbox.message(session, first.message_id)
    if not latest.sealed:
        return ["what it was is kept no longer"]
    if origin and latest.translated_from:
        earlier = inbox.message(session, latest.translated_from)
        if earlier.sha256 == origin.sha256:
            return []
    return list(differences(kept_order(latest).document, draft.document))


def _open(session: Session, part: RawMessage, draft: Draft, origin: InboxMessage | None) -> str:
    at = now()
    order_no = new_order_no(at.date())
    kept = inbox.keep(
        session,
        part,
        outcome=MessageOutcome.ACCEPTED,
        order_no=order_no,
        translated_from=origin.id if origin else None,
    )
    order = ServiceOrder(
        order_no=order_no,
        agent=part.agent or DEFAULT_AGENT,
        external_id=part.external_id,
        content_sha256=draft.content_sha256,
        message_id=kept.id,
        state=OrderState.ACKNOWLEDGED,
        ordered_at=at,
        **described(draft.order, catalogue()),
    )
    if part.reply_to:
        replying.remember(session, order, part.reply_to)
    orders.open_order(session, order, at=at)
    session.flush()
    return order_no


def described(order: ServiceOrderCreate, known: Catalogue) -> dict[str, Any]:
    """The columns of an order that say what it is, free of secrets."""
    kinds = [
        (product.key if (product := known.product(line.service.product)) else None, line.action)
        for line in order.lines
    ]
    document = order.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude={"service_order_item"}
    )
    return {
        "title": title(kinds),
        "category": order.category,
        "priority": priority_number(order.priority),
        "line_count": len(kinds),
        "document": known.mask(document),
        "products": sorted({key for key, _ in kinds if key}),
        "requested_start_at": order.requested_start_date,
    }
