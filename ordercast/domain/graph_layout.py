"""Where the boxes and lines of a dependency graph go: in layers, from left to right.

A box stands right of all that it waits for. A line that passes a layer has a place of its own
there, so no line crosses a box. Source: the layered method of Sugiyama, Tagawa and Toda (1981).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

WIDTH, HEIGHT = 168, 44
LINE_HEIGHT = 12
ACROSS, BETWEEN = 48, 14
MARGIN = 8
SWEEPS = 6

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """The place of a piece of work: its upper left corner."""

    name: str
    x: float
    y: float
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Line:
    """From what must be done before to what waits for it; `points` go from left to right."""

    before: str
    after: str
    points: tuple[Point, ...]

    @property
    def path(self) -> str:
        """As SVG draws it: level where it passes a layer, a soft curve from one to the next."""
        (x, y), *_ = self.points
        drawn = [f"M{x:g} {y:g}"]
        for (x0, y0), (x1, y1) in pairwise(self.points):
            middle = (x0 + x1) / 2
            is_level = y0 == y1
            curve = f"C{middle:g} {y0:g} {middle:g} {y1:g} {x1:g} {y1:g}"
            drawn.append(f"H{x1:g}" if is_level else curve)
        return "".join(drawn)


@dataclass(frozen=True)
class Layout:
    """All boxes and lines, and the size of the whole."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    lines: Sequence[Line]


@dataclass(frozen=True)
class _Pass:
    """The place of a line in a layer that it passes."""

    before: str
    after: str
    layer: int


_Slot = str | _Pass


def lay_out(depends_on: Mapping[str, Collection[str]]) -> Layout:
    """The layout of a graph without circles; what is waited for and not there is left out.

    CycleError (of graphlib) if something waits for itself in the end.
    """
    awaited = {
        name: [other for other in dict.fromkeys(others) if other in depends_on]
        for name, others in depends_on.items()
    }
    layer_of = _layers(awaited)
    chains = {
        (before, after): _chain(before, after, layer_of)
        for after, others in awaited.items()
        for before in others
    }
    layers = _ordered(layer_of, chains.values())
    tall = max((_height(layer) for layer in layers), default=0)
    middle: dict[_Slot, float] = {}
    for layer in layers:
        _stack(layer, (tall - _height(layer)) / 2, middle)
    boxes = {
        name: Box(name, _left(layer_of[name]), middle[name] - HEIGHT / 2) for name in depends_on
    }
    lines = [
        Line(before, after, tuple(_points(chain, middle, layer_of)))
        for (before, after), chain in chains.items()
    ]
    width = max((box.x + box.width for box in boxes.values()), default=0) + MARGIN
    return Layout(width, tall + 2 * MARGIN, boxes, lines)


def _layers(awaited: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The layer of each: one after the last of what it waits for."""
    layer_of: dict[str, int] = {}
    for name in TopologicalSorter(awaited).static_order():
        layer_of[name] = 1 + max((layer_of[other] for other in awaited[name]), default=-1)
    return layer_of


def _chain(before: str, after: str, layer_of: Mapping[str, int]) -> list[_Slot]:
    between = range(layer_of[before] + 1, layer_of[after])
    return [before, *(_Pass(before, after, layer) for layer in between), after]


def _ordered(layer_of: Mapping[str, int], chains: Collection[Sequence[_Slot]]) -> list[list[_Slot]]:
    """The slots of each layer from top to bottom, moved towards those that they are joined to."""
    layers: list[list[_Slot]] = [[] for _ in range(1 + max(layer_of.values(), default=-1))]
    left: dict[_Slot, list[_Slot]] = {}
    right: dict[_Slot, list[_Slot]] = {}
    for name, layer in sorted(layer_of.items(), key=lambda pair: pair[1]):
        layers[layer].append(name)
    for chain in chains:
        for slot in chain[1:-1]:
            layers[slot.layer if isinstance(slot, _Pass) else layer_of[slot]].append(slot)
        for one, next_one in pairwise(chain):
            right.setdefault(one, []).append(next_one)
            left.setdefault(next_one, []).append(one)
    for sweep in range(SWEEPS):
        joined, order = (left, layers) if sweep % 2 == 0 else (right, layers[::-1])
        for fixed, moved in pairwise(order):
            _move(moved, {slot: place for place, slot in enumerate(fixed)}, joined)
    return layers


def _move(
    moved: list[_Slot], places: Mapping[_Slot, int], joined: Mapping[_Slot, Sequence[_Slot]]
) -> None:
    """Sort a layer by where those of the layer beside it stand on average."""

    def wanted(pair: tuple[int, _Slot]) -> float:
        place, slot = pair
        found = [places[other] for other in joined.get(slot, ()) if other in places]
        return sum(found) / len(found) if found else place

    moved[:] = [slot for _, slot in sorted(enumerate(moved), key=wanted)]


def _tall(slot: _Slot) -> float:
    return LINE_HEIGHT if isinstance(slot, _Pass) else HEIGHT


def _height(layer: Sequence[_Slot]) -> float:
    return sum(map(_tall, layer)) + BETWEEN * (len(layer) - 1)


def _stack(layer: Sequence[_Slot], top: float, middle: dict[_Slot, float]) -> None:
    """Give each slot of a layer its height, one below the other."""
    y = MARGIN + top
    for slot in layer:
        middle[slot] = y + _tall(slot) / 2
        y += _tall(slot) + BETWEEN


def _left(layer: int) -> float:
    return MARGIN + layer * (WIDTH + ACROSS)


def _points(
    chain: Sequence[_Slot], middle: Mapping[_Slot, float], layer_of: Mapping[str, int]
) -> list[Point]:
    """Out of the first box, level through each layer that is passed, into the last box."""
    found: list[Point] = []
    for slot in chain:
        layer = slot.layer if isinstance(slot, _Pass) else layer_of[slot]
        found += [(_left(layer), middle[slot]), (_left(layer) + WIDTH, middle[slot])]
    return found[1:-1]
