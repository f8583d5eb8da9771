"""Changing an order on which no work has started: TMF641's PATCH."""

from dataclasses import replace
from typing import Any, NoReturn

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from config.catalog import catalogue
from ordercast.contracts.service_order import SET_BY_US, ServiceOrderCreate, ServiceOrderUpdate
from ordercast.domain.errors import Conflict, Forbidden, InvalidMessage, Problem
from ordercast.domain.order import Stage
from ordercast.intake.accept import described
from ordercast.intake.canonical import canonical_json
from ordercast.intake.json_orders import JSON, decode, load_json
from ordercast.intake.kept import kept_order
from ordercast.intake.problems import validate
from ordercast.store import commands, inbox, orders
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind
from ordercast.store.engine import Database
from ordercast.store.inbox import MessageOutcome, RawMessage
from ordercast.store.runs import run_of
from ordercast.store.tables import ServiceOrder


def change(
    database: Database, order_no: str, message: RawMessage, *, only_of: str | None = None
) -> None:
    """Merge a patch into an order; what the message says is kept either way.

    Attributes given replace those of the order; null removes one; items are replaced as a
    whole. Raises InvalidMessage, NotFound (also for an order of another agent than `only_of`),
    Forbidden where that agent names another, or Conflict once work has started.
    """
    try:
        patch = load_json(decode(message.body))
        validate(ServiceOrderUpdate, patch, forbidden=SET_BY_US)
        with database.write() as session:
            order = orders.order(session, order_no, lock=True, agent=only_of)
            _change(session, order, patch, source=message.source, is_by_agent=bool(only_of))
    except InvalidMessage as refused:
        _keep_refused(database, message, refused)
    except IntegrityError:
        raise Conflict(f"externalId of {order_no} is another order's of the same agent") from None


def _keep_refused(database: Database, message: RawMessage, refused: InvalidMessage) -> NoReturn:
    with database.write() as session:
        kept = inbox.keep(
            session, message, outcome=MessageOutcome.REFUSED, problems=refused.problems
        )
    raise InvalidMessage(refused.problems, message_id=kept.id)


def _change(
    session: Session,
    order: ServiceOrder,
    patch: dict[str, Any],
    *,
    source: str,
    is_by_agent: bool,
) -> None:
    order_no = order.order_no
    run = run_of(session, order_no, order.version, lock=True)
    if run.stage != Stage.ACCEPTED or order.cancel_requested_at:
        raise Conflict(f"work on {order_no} has started (it is {order.state}): too late to change")
    merged = _merged(session, order, patch)
    changed = validate(ServiceOrderCreate, merged)
    if changed.agent and changed.agent != order.agent:
        if is_by_agent:
            raise Forbidden("relatedParty: names an agent that the key is not for; leave it out")
        problem = Problem("relatedParty", "names another agent", "send a new order")
        raise InvalidMessage([problem])
    raw = RawMessage(canonical_json(merged), JSON, source, order.agent, changed.external_id)
    before = inbox.message(session, order.message_id)
    kept = inbox.keep(
        session,
        replace(raw, dialect=before.dialect),
        outcome=MessageOutcome.CHANGED,
        order_no=order_no,
        translated_from=before.translated_from,
    )
    order.message_id = kept.id
    if "externalId" in patch:
        order.external_id = changed.external_id
    for name, value in described(changed, catalogue()).items():
        setattr(order, name, value)
    run.priority = order.priority
    if "requestedStartDate" in patch:
        run.start_at = order.requested_start_at or now()
        commands.ask(
            session,
            order_no,
            CommandKind.RESCHEDULE,
            reason="requestedStartDate was changed",
            asked_by=order.agent,
        )


def _merged(session: Session, order: ServiceOrder, patch: dict[str, Any]) -> dict[str, Any]:
    document = kept_order(inbox.message(session, order.message_id)).document
    return {name: value for name, value in {**document, **patch}.items() if value is not None}
