"""Orders for tests, as agents send them."""

from itertools import count
from typing import Any

NUMBERS = count(13800000000)


def plan_change(lines: int = 1, **more: Any) -> dict[str, Any]:
    """An order that changes the plan of so many numbers, each of them used by no other order."""
    return {"serviceOrderItem": [_item(n) for n in range(1, lines + 1)], **more}


def _item(number: int, msisdn: str | None = None) -> dict[str, Any]:
    characteristics = {"msisdn": msisdn or f"86{next(NUMBERS)}", "plan": "5G-PLUS-199"}
    return {
        "id": str(number),
        "action": "modify",
        "service": {
            "serviceSpecification": {"id": "plan-change"},
            "serviceCharacteristic": [
                {"name": name, "value": value} for name, value in characteristics.items()
            ],
        },
    }


def plan_change_of(msisdn: str) -> dict[str, Any]:
    """An order that changes the plan of a given number."""
    return {"serviceOrderItem": [_item(1, msisdn)]}
