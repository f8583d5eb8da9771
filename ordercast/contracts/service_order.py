"""The wire form of orders: TMF641 Service Ordering v4.1, as agents send it.

What Ordercast reads has a type here; every other attribute of the standard is kept as sent.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from ordercast.domain.commands import Command
from ordercast.domain.order import ItemAction

SET_BY_US = (
    "id",
    "href",
    "state",
    "orderDate",
    "startDate",
    "completionDate",
    "errorMessage",
    "milestone",
    "jeopardyAlert",
)
"""Attributes that a client may not set. Source: TMF641 v4.1, ServiceOrder_Create."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def _is_written_out(value: Any) -> Any:
    if not isinstance(value, datetime) and "-" not in str(value)[1:]:
        raise PydanticCustomError("datetime_parsing", "is not a date and time")
    return value


Moment = Annotated[datetime, BeforeValidator(_is_written_out), AfterValidator(_in_utc)]
"""A date-time as ISO 8601 writes it, never a count of seconds; without an offset it is UTC."""

Text = Annotated[str, Field(min_length=1, max_length=255)]

Name = Annotated[str, Field(max_length=255)]
"""What may be empty, which is the same as not given."""


class Resource(BaseModel):
    """Any TMF resource: camel case on the wire, unknown attributes kept."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="allow", coerce_numbers_to_str=True
    )


class Characteristic(Resource):
    """A named value of a service."""

    name: Text
    value: Any


class SpecificationRef(Resource):
    """Names the product by the key (or name) that the catalogue gives it."""

    id: Name | None = None
    name: Name | None = None


class RelatedParty(Resource):
    """Someone with a role in the order; the role `agent` says who sells."""

    id: Name | None = None
    name: Name | None = None
    role: str | None = None


class Note(Resource):
    """A remark."""

    text: str


class ServiceName(Resource):
    """Names another service by its id or name."""

    id: str | None = None
    name: str | None = None


class ServiceRelationship(Resource):
    """What a service has to do with another one; `dependsOn` means: comes after it."""

    relationship_type: str | None = None
    service: ServiceName | None = None


DEPENDS_ON = "dependson"


class SupportingService(Resource):
    """A service that a line's service is made of: a command to the network.

    It becomes a work order where the catalogue takes work orders from the message. Who does
    it is the party with the role `system` or `team`. Source: TMF641 v4.1, supportingService.
    """

    id: str | None = None
    name: str | None = None
    service_characteristic: list[Characteristic] = Field(default_factory=list)
    service_relationship: list[ServiceRelationship] = Field(default_factory=list)
    related_party: list[RelatedParty] = Field(default_factory=list)

    @property
    def command(self) -> Command:
        return Command(
            name=self.name,
            ref=self.id,
            team=self._party("team"),
            system=self._party("system"),
            after=tuple(self._awaited()),
            parameters={each.name: each.value for each in self.service_characteristic},
        )

    def _party(self, role: str) -> str | None:
        named = (each for each in self.related_party if (each.role or "").casefold() == role)
        return next((each.id or each.name for each in named), None) or None

    def _awaited(self) -> Iterator[str]:
        for each in self.service_relationship:
            kind = (each.relationship_type or "").casefold()
            other = each.service and (each.service.id or each.service.name)
            if kind == DEPENDS_ON and other:
                yield other


class ServiceRef(Resource):
    """The service that a line adds, changes or ends."""

    id: str | None = None
    name: str | None = None
    category: str | None = None
    service_type: str | None = None
    service_specification: SpecificationRef | None = None
    service_characteristic: list[Characteristic] = Field(default_factory=list)
    supporting_service: list[SupportingService] = Field(default_factory=list)
    related_party: list[RelatedParty] = Field(default_factory=list)
    note: list[Note] = Field(default_factory=list)

    @property
    def product(self) -> str | None:
        """What names the product: the specification's id or name, the type, or the name."""
        spec = self.service_specification
        return (spec and spec.id) or (spec and spec.name) or self.service_type or self.name or None

    @property
    def characteristics(self) -> dict[str, Any]:
        return {each.name: each.value for each in self.service_characteristic}

    @property
    def commands(self) -> list[Command]:
        """The pieces of work that the message itself asks for."""
        return [each.command for each in self.supporting_service]


class ServiceOrderItem(Resource):
    """One line of an order; nested items are lines of their own."""

    id: Text
    action: ItemAction
    service: ServiceRef
    quantity: int = Field(default=1, ge=1)
    service_order_item: list["ServiceOrderItem"] = Field(default_factory=list)


def _flat(items: list[ServiceOrderItem]) -> list[ServiceOrderItem]:
    found, waiting = [], list(reversed(items))
    while waiting:
        item = waiting.pop()
        found.append(item)
        waiting.extend(reversed(item.service_order_item))
    return found


class ServiceOrderAttributes(Resource):
    """What a client may say of an order apart from its lines."""

    external_id: Name | None = None
    category: str | None = None
    description: str | None = None
    notification_contact: str | None = None
    priority: str | None = None
    requested_start_date: Moment | None = None
    requested_completion_date: Moment | None = None
    external_reference: list[dict[str, Any]] | None = None
    note: list[Note] | None = None
    order_relationship: list[dict[str, Any]] | None = None
    related_party: list[RelatedParty] | None = None


class ServiceOrderCreate(ServiceOrderAttributes):
    """The body of `POST /serviceOrder`. Source: TMF641 v4.1, ServiceOrder_Create."""

    service_order_item: list[ServiceOrderItem] = Field(min_length=1)

    @property
    def agent(self) -> str | None:
        """The party with the role `agent`, by its id or name."""
        for party in self.related_party or []:
            if party.role and party.role.casefold() == "agent":
                return party.id or party.name or None
        return None

    @property
    def lines(self) -> list[ServiceOrderItem]:
        """All items, nested ones after the item that holds them."""
        return _flat(self.service_order_item)

    @field_validator("service_order_item")
    @classmethod
    def _item_ids_differ(cls, items: list[ServiceOrderItem]) -> list[ServiceOrderItem]:
        times = Counter(item.id for item in _flat(items))
        twice = [repr(item_id) for item_id, count in times.items() if count > 1]
        if twice:
            raise ValueError(f"has several items with the id {', '.join(twice[:5])}")
        return items


class ServiceOrderUpdate(ServiceOrderAttributes):
    """The body of `PATCH /serviceOrder/{id}`: the attributes to replace."""

    service_order_item: list[ServiceOrderItem] | None = Field(default=None, min_length=1)


class ServiceOrderRef(Resource):
    """Names an order by its number."""

    id: Text


class CancelServiceOrderCreate(Resource):
    """The body of `POST /cancelServiceOrder`. Source: TMF641 v4.1."""

    service_order: ServiceOrderRef
    cancellation_reason: str | None = None
    requested_cancellation_date: Moment | None = None
