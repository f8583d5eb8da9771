"""A day of orders in figures: how many ended how, and how long that took."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil


@dataclass(frozen=True)
class EndedOrder:
    """A version of an order that was sealed on the day, and how its pushes fared.

    `seconds_to_told` are those from the seal to each acknowledgement of a subscriber.
    """

    order_no: str
    version: int
    state: str
    agent: str
    products: tuple[str, ...]
    line_count: int
    ordered_at: datetime
    sealed_at: datetime
    pushes: int = 0
    seconds_to_told: tuple[float, ...] = ()

    @property
    def seconds_to_complete(self) -> float:
        return max(0.0, (self.sealed_at - self.ordered_at).total_seconds())


@dataclass
class Figures:
    """What is told of some orders: how many, by state, and how long they took, in seconds."""

    count: int = 0
    states: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    to_complete: list[float] = field(default_factory=list)
    to_told: list[float] = field(default_factory=list)

    def add(self, order: EndedOrder) -> None:
        self.count += 1
        self.states[order.state] += 1
        self.to_complete.append(order.seconds_to_complete)
        self.to_told += order.seconds_to_told


def quantile(values: Iterable[float], share: float) -> float:
    """The value that a share of all do not exceed, by the nearest rank; 0 of nothing."""
    ranked = sorted(values)
    return ranked[max(1, ceil(share * len(ranked))) - 1] if ranked else 0.0


def by(
    orders: Iterable[EndedOrder], keys: Callable[[EndedOrder], Iterable[str]]
) -> dict[str, Figures]:
    """The figures of orders by what each falls under, the most first."""
    found: dict[str, Figures] = defaultdict(Figures)
    for order in orders:
        for key in keys(order):
            found[key].add(order)
    return dict(sorted(found.items(), key=lambda each: (-each[1].count, each[0])))


BOUNDS: Mapping[str, float] = {
    "1 min": 60,
    "10 min": 600,
    "1 h": 3600,
    "4 h": 4 * 3600,
    "1 d": 86400,
    "3 d": 3 * 86400,
}


def spread(seconds: Sequence[float]) -> dict[str, int]:
    """How many took up to a minute, up to ten, and so on; the last are those that took longer."""
    counts = dict.fromkeys([*(f"≤ {name}" for name in BOUNDS), "longer"], 0)
    for each in seconds:
        fits = (f"≤ {name}" for name, bound in BOUNDS.items() if each <= bound)
        counts[next(fits, "longer")] += 1
    return counts
