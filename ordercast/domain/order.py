"""An order: its states, the actions of its lines, and the stages of its life."""

import secrets
from collections import Counter
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

ORDER_NO_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0, 1: read aloud safely


class OrderState(StrEnum):
    """The state of an order or of a line. Source: TMF641 v4.1, ServiceOrderStateType."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    PENDING = "pending"
    HELD = "held"
    IN_PROGRESS = "inProgress"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    FAILED = "failed"
    PARTIAL = "partial"
    ASSESSING_CANCELLATION = "assessingCancellation"
    PENDING_CANCELLATION = "pendingCancellation"

    @property
    def is_final(self) -> bool:
        return self in FINAL_ORDER_STATES


FINAL_ORDER_STATES = frozenset(
    {
        OrderState.REJECTED,
        OrderState.CANCELLED,
        OrderState.COMPLETED,
        OrderState.FAILED,
        OrderState.PARTIAL,
    }
)


class ItemAction(StrEnum):
    """What a line asks for. Source: TMF641 v4.1, OrderItemActionType."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"
    NO_CHANGE = "noChange"


class Stage(StrEnum):
    """How far the run of an order has come; each step moves it to the next."""

    ACCEPTED = "accepted"
    RECEIVED = "received"
    DECOMPOSED = "decomposed"
    GENERATED = "generated"
    SEALED = "sealed"
    SYNCED = "synced"
    ARCHIVED = "archived"
    BROADCAST = "broadcast"

    def is_before(self, other: "Stage") -> bool:
        stages = list(Stage)
        return stages.index(self) < stages.index(other)


def new_order_no(day: date) -> str:
    """A fresh order number, `ord-YYYYMMDD-xxxxxx`, for the given day in UTC.

    Lower case throughout: it is the API id, the archive key, the run's name and the
    artifact's key. A billion numbers a day; whoever stores it tries again on a clash.
    """
    suffix = "".join(secrets.choice(ORDER_NO_ALPHABET) for _ in range(6))
    return f"ord-{day:%Y%m%d}-{suffix}"


LOWEST_PRIORITY = 4
_PRIORITIES = {"high": 1, "medium": 2, "normal": 2, "low": 3}


def priority_number(priority: str | None) -> int:
    """The rank of a TMF641 priority, 0 (first) to 4 (last); 4 for what is not a known one."""
    word = (priority or "").strip().casefold()
    if word.isascii() and word.isdigit():
        return min(int(word.lstrip("0")[:2] or 0), LOWEST_PRIORITY)
    return _PRIORITIES.get(word, LOWEST_PRIORITY)


def title(lines: Iterable[tuple[str | None, str]]) -> str:
    """What an order is, in a few words, from the product and action of its lines."""
    kinds = Counter(f"{product or 'unknown'} {action}" for product, action in lines)
    shown = [kind if count == 1 else f"{kind} ×{count}" for kind, count in kinds.most_common(3)]
    return ", ".join(shown) + (" …" if len(kinds) > len(shown) else "")
