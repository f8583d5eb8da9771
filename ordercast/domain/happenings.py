"""What happened to an order, told in the order in which it happened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What can happen to an order, in the order of its life."""

    RECEIVED = "received"
    CHANGED = "changed"
    CONFLICT = "conflict"
    STARTED = "started"
    GENERATED = "generated"
    CLAIMED = "claimed"
    REPORTED = "reported"
    REPORTS = "reports"
    ASKED = "asked"
    ANSWERED = "answered"
    REOPENED = "reopened"
    WAITS = "waits"
    SEALED = "sealed"
    SYNCED = "synced"
    ARCHIVED = "archived"
    EVENT = "event"
    TOLD = "told"
    REPLAYED = "replayed"


@dataclass(frozen=True)
class Happening:
    """Something that happened; `facts` are what there is to say of it."""

    at: datetime
    kind: Kind
    facts: Mapping[str, Any] = field(default_factory=dict)


_PLACES = {kind: place for place, kind in enumerate(Kind)}


def newest_first(happenings: Iterable[Happening]) -> Sequence[Happening]:
    """By time; what happened in the same moment by its place in the life of an order."""
    return sorted(happenings, key=lambda each: (each.at, _PLACES[each.kind]), reverse=True)
