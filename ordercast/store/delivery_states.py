"""The states of a delivery."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands; all but `pending` are ends."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    GONE = "gone"
    GAVE_UP = "gave-up"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
