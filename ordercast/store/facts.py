"""What the rules of classification may ask of an order."""

from collections.abc import Mapping, Sequence
from typing import Any

from ordercast.domain.classify import Facts
from ordercast.store.tables import OrderLine, ServiceOrder

CHANNELS = ("agent", "public", "internet", "iot")
BATCH_LINES = 10
"""An order of at least so many lines is a batch."""


def characteristics(line: OrderLine) -> dict[str, Any]:
    """The characteristics of a line by name, masked as they are stored."""
    return characteristics_of(line.document)


def characteristics_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The characteristics by name in the document of a line."""
    given = document.get("service", {}).get("serviceCharacteristic", ())
    return {each["name"]: each["value"] for each in given}


def channel(order: ServiceOrder) -> str:
    """Where the order came from: the party with the role `channel`, else the category."""
    parties = order.document.get("relatedParty") or ()
    named = [party.get("id") for party in parties if party.get("role") == "channel"]
    for word in [*named, order.category]:
        if word in CHANNELS:
            return word
    return "agent"


def facts(order: ServiceOrder, lines: Sequence[OrderLine]) -> Facts:
    """The facts of an order whose state is final, by name."""
    regions = {str(region) for line in lines if (region := characteristics(line).get("region"))}
    return {
        "agent": [order.agent],
        "channel": [channel(order)],
        "category": [order.category] if order.category else [],
        "product": order.products,
        "action": sorted({line.action for line in lines}),
        "region": sorted(regions),
        "priority": [str(order.priority)],
        "state": [order.state],
        "lines": [str(len(lines))],
        "batch": ["true" if len(lines) >= BATCH_LINES else "false"],
    }
