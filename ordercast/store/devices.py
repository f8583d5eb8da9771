"""Devices: the cards and numbers of an order's lines, and where each of them stands at its end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, select

from ordercast.domain.masking import MASKED, plain_name
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import OrderOutcome

NAMED_BY = ("iccid", "msisdn")
"""What a device is named by: the card, or the number of a line that has no card."""


@dataclass(frozen=True)
class DeviceState:
    """What became of the line of a device; `name` is as it was ordered, and not sensitive."""

    name: str
    named_by: str
    line_no: int
    state: str
    action: str
    product: str | None

    @property
    def plain_name(self) -> str:
        """Its name without what a number may be written with: the same device, however spelled."""
        return self.name.removeprefix("+").replace(" ", "")


def device_states(session: Session, event: PushEvent) -> list[DeviceState]:
    """The devices of an event that tells of a sealed outcome; of another event there are none.

    A device that is masked, by its catalogue or its sender, has no name and is left out.
    """
    outcome = select(OrderOutcome.state, OrderOutcome.summary).where(
        OrderOutcome.order_no == event.order_no, OrderOutcome.version == event.version
    )
    found = session.exec(outcome).first()
    if found is None or event.type != f"order.{found[0]}":
        return []
    return list({each.plain_name: each for each in _devices(found[1])}.values())


def _devices(summary: Mapping[str, Any]) -> Iterator[DeviceState]:
    for line in summary.get("lines", ()):
        given = {plain_name(name): value for name, value in line["characteristics"].items()}
        named_by = next((each for each in NAMED_BY if _is_name(given.get(each))), None)
        if named_by:
            yield DeviceState(
                str(given[named_by]),
                named_by,
                line["line_no"],
                line["state"],
                line["action"],
                line["product"],
            )


def _is_name(value: Any) -> bool:
    return (
        isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", MASKED)
    )
