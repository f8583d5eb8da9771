"""A trial: what would become of a message, without storing anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.catalog import catalogue
from config.dialect_paths import PathFault
from ordercast.contracts.service_order import ServiceOrderItem
from ordercast.domain.catalog import Catalogue
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.masking import Mask
from ordercast.domain.message_work import WorkOrderType
from ordercast.intake.dialects.choosing import Choice, choose, finds
from ordercast.intake.dialects.opening import open_document
from ordercast.intake.drafts import Draft
from ordercast.intake.parse import parse
from ordercast.intake.reading import read_in
from ordercast.store.inbox import RawMessage


@dataclass(frozen=True)
class TriedLine:
    """A line, what the catalogue says against it, and the work orders that it would become.

    `ignored` counts the commands of the message where the catalogue has the work orders.
    """

    item: ServiceOrderItem
    product: str | None
    characteristics: Mapping[str, Any]
    problems: Sequence[Problem]
    work_orders: Sequence[WorkOrderType]
    ignored: int = 0


@dataclass(frozen=True)
class TriedOrder:
    """An order with its attributes, masked, and its lines."""

    attributes: Mapping[str, Any]
    lines: Sequence[TriedLine]


@dataclass(frozen=True)
class Trial:
    """What a message holds, in which dialect it was read and why, and what is wrong with it.

    `unfound` are the sensitive paths that find nothing in it: perhaps they are mistaken.
    """

    choice: Choice
    orders: Sequence[TriedOrder] = ()
    problems: Sequence[Problem] = ()
    unfound: Sequence[str] = ()

    @property
    def is_taken_whole(self) -> bool:
        """Whether intake takes the message, and the catalogue every line of it."""
        refused = any(line.problems for order in self.orders for line in order.lines)
        return bool(self.orders) and not self.problems and not refused


def try_out(message: RawMessage) -> Trial:
    """What would become of a message."""
    try:
        choice = choose(message)
    except InvalidMessage as refused:
        return Trial(Choice(None, "it was asked for"), problems=refused.problems)
    if choice.dialect:
        parsed = read_in(choice.dialect, message.body, message.media_type)
    else:
        parsed = parse(message.body, message.media_type)
    known = catalogue()
    tried = [_order(each, known) for each in parsed.drafts]
    return Trial(choice, tried, parsed.problems, _unfound(choice, message))


def _unfound(choice: Choice, message: RawMessage) -> list[str]:
    if choice.dialect is None:
        return []
    try:
        document = open_document(choice.dialect, message.body, message.media_type)
        sensitive = choice.dialect.written.sensitive
        return [path for path in sensitive if not finds(document, path)]
    except (InvalidMessage, PathFault):
        return []


def _order(draft: Draft, known: Catalogue) -> TriedOrder:
    attributes = {
        name: value for name, value in draft.document.items() if name != "serviceOrderItem"
    }
    return TriedOrder(known.mask(attributes), [_line(item, known) for item in draft.order.lines])


def _line(item: ServiceOrderItem, known: Catalogue) -> TriedLine:
    service, commands = item.service, item.service.commands
    product = known.product(service.product)
    problems = known.problems_with(service.product, item.action, service.characteristics, commands)
    policy = known.policy(service.product, item.action)
    work: Sequence[WorkOrderType] = ()
    if policy and not problems:
        shown = _masked(item, known.mask)
        work = list(policy.for_line(shown.service.commands).work_orders.values())
    return TriedLine(
        item=item,
        product=product.key if product else service.product,
        characteristics=_masked(item, known.mask).service.characteristics,
        problems=problems,
        work_orders=work,
        ignored=len(commands) if policy and not policy.message_work else 0,
    )


def _masked(item: ServiceOrderItem, mask: Mask) -> ServiceOrderItem:
    return ServiceOrderItem.model_validate(mask(item.model_dump(mode="json", by_alias=True)))
