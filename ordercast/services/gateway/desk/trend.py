"""A trend as bars: how many in each hour, drawn as an inline SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEIGHT = 24
BAR, GAP = 3, 1


@dataclass(frozen=True)
class Bar:
    """One hour's bar, from the left, in units of the drawing."""

    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Trend:
    """The bars of the hours in which there was something, and how large the drawing is."""

    bars: Sequence[Bar]
    width: int
    total: int
    highest: int
    height: int = HEIGHT
    bar: int = BAR


def trend(counts: Mapping[str, int], hours: Sequence[str], *, steps: int) -> Trend:
    """The trend over all those hours; so many of them share a bar, the highest fills the height."""
    sums = [
        sum(counts.get(hour, 0) for hour in hours[start : start + steps])
        for start in range(0, len(hours), steps)
    ]
    highest = max(sums, default=0)
    bars = [
        Bar(place * (BAR + GAP), HEIGHT - height, height)
        for place, count in enumerate(sums)
        if count and (height := max(2, round(count / highest * HEIGHT)))
    ]
    return Trend(bars, max(1, len(sums) * (BAR + GAP) - GAP), sum(sums), highest)
