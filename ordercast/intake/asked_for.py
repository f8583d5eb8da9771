"""Orders that another system asks for by an event: each is taken once, however often it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.catalog import catalogue
from ordercast.domain.errors import Conflict, InvalidMessage, Problem
from ordercast.intake.accept import accept
from ordercast.intake.canonical import canonical_json
from ordercast.intake.json_orders import JSON
from ordercast.store import inbox
from ordercast.store.engine import Database
from ordercast.store.inbox import MessageOutcome, RawMessage

BY_EVENT = "event "
"""What the source of a message begins with that came by an event; the event's id follows."""

NO_ORDER = Problem("payload.order", "is no object", "put the order there, as TMF641 has it")
SECRET = Problem(
    "payload.order",
    "holds what the catalogue marks as sensitive, and events are kept as they are for days",
    "send such an order to the gateway, and have the secret changed",
)


@dataclass(frozen=True)
class AskedFor:
    """An event that asks for an order: the event's id and its payload."""

    event_id: str
    payload: Mapping[str, Any]

    @property
    def source(self) -> str:
        """Where its message in the inbox says that it came from."""
        return BY_EVENT + self.event_id


@dataclass(frozen=True)
class Taken:
    """What became of an event: the number of its order, or why there is none."""

    event_id: str
    order_no: str | None = None
    problems: Sequence[Problem] = ()


def take_asked_for(database: Database, asked: Sequence[AskedFor]) -> list[Taken]:
    """Take the orders of those events that were not read before, one by one."""
    with database.read() as session:
        known = inbox.known_sources(session, [each.source for each in asked])
    return [_take(database, each) for each in asked if each.source not in known]


def _take(database: Database, asked: AskedFor) -> Taken:
    order, agent = asked.payload.get("order"), asked.payload.get("agent")
    message = RawMessage(
        canonical_json(order if isinstance(order, Mapping) else {}),
        JSON,
        asked.source,
        agent=agent if isinstance(agent, str) else None,
        external_id=f"event-{asked.event_id}",
    )
    if not isinstance(order, Mapping):
        return _refuse(database, message, asked, NO_ORDER)
    if catalogue().mask(order) != order:
        return _refuse(database, message, asked, SECRET)
    try:
        return Taken(asked.event_id, accept(database, message).orders[0].order_no)
    except InvalidMessage as refused:
        return Taken(asked.event_id, problems=refused.problems)
    except Conflict as conflict:
        problem = Problem("payload.order.externalId", str(conflict), "send a new externalId")
        return Taken(asked.event_id, problems=[problem])


def _refuse(database: Database, message: RawMessage, asked: AskedFor, problem: Problem) -> Taken:
    with database.write() as session:
        inbox.keep(session, message, outcome=MessageOutcome.REFUSED, problems=[problem])
    return Taken(asked.event_id, problems=[problem])
