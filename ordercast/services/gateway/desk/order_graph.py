"""The work orders of a line as a picture: boxes with who does it and how it stands."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ordercast.domain.graph_layout import Box, Layout, lay_out
from ordercast.store.tables import WorkOrder

MOST_DRAWN = 60
"""More work orders of a line than that are a table alone."""

ROOM = 22
"""How many narrow letters fit into a box; a wide one takes the room of two."""

WIDE = "WF"


@dataclass(frozen=True)
class Node:
    """A work order in its box, with what fits of its name and of who does it."""

    box: Box
    work_order: WorkOrder
    name: str
    who: str


@dataclass(frozen=True)
class Graph:
    """What is drawn: the layout, and a node for each work order."""

    layout: Layout
    nodes: Sequence[Node]


def graph(work: Sequence[WorkOrder]) -> Graph | None:
    """The picture of a line's work orders; None if there is nothing to draw, or too much."""
    if not work or len(work) > MOST_DRAWN:
        return None
    layout = lay_out({each.name: each.depends_on for each in work})
    return Graph(layout, [_node(layout.boxes[each.name], each) for each in work])


def _node(box: Box, work_order: WorkOrder) -> Node:
    who = work_order.team or work_order.system or ""
    return Node(box, work_order, fitted(work_order.name), fitted(who))


def fitted(text: str, room: int = ROOM) -> str:
    """As much of a text as fits, with `…` where something is left out."""
    if sum(map(_width, text)) <= room:
        return text
    kept, left = "", room - 1
    for letter in text:
        left -= _width(letter)
        if left < 0:
            break
        kept += letter
    return f"{kept}…"


def _width(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in WIDE else 1
