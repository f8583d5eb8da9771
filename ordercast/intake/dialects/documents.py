"""Messages in a dialect as trees: what JSON, XML and CSV have in common once they are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from config.dialects import Dialect
from ordercast.domain.errors import Problem

Node = Any
"""A place in a message: an object, an element, a row, a `Piece` or a `Group`."""

MOST_BYTES = 64 * 2**20
"""A larger message is refused, wherever it comes from."""

ITSELF = (".", "@")


@dataclass(frozen=True)
class Piece:
    """One of several values in a text, or a text by itself, and the node that has it."""

    text: str
    holder: Node


@dataclass(frozen=True)
class Group:
    """Nodes that belong together; what is asked of the group, its first node answers."""

    nodes: Sequence[Node]


class Document(Protocol):
    """A message that has been read."""

    dialect: Dialect
    root: Node
    problems: Sequence[Problem]

    def value(self, path: str, node: Node) -> Any:
        """Text, number, truth, list or mapping at a path; None if there is nothing."""
        ...

    def nodes(self, path: str, node: Node) -> list[Node]:
        """The nodes that a path selects."""
        ...

    def named_values(self, path: str, node: Node) -> list[tuple[str, Any]]:
        """The fields of what a path selects, by name."""
        ...

    def place(self, node: Node, path: str) -> tuple[str, int | None]:
        """Where a path leads from a node, as the partner would say it, and the line."""
        ...

    def hidden(self) -> "Document":
        """The same message with `***` in all that the dialect marks as sensitive."""
        ...


def is_empty(value: Any, dialect: Dialect) -> bool:
    """Whether a value is none: nothing, blank, or what the dialect says means nothing."""
    if isinstance(value, str):
        text = value.strip()
        return not text or text in dialect.written.empty
    return value is None or (isinstance(value, list | dict) and not value)


def owner(node: Node) -> Node:
    """The node of the message itself that stands behind a group or a piece."""
    while isinstance(node, Piece | Group):
        node = node.holder if isinstance(node, Piece) else node.nodes[0]
    return node


def value_at(document: Document, path: str, node: Node) -> Any:
    """What a path finds from a node of any kind; PathFault if it cannot be followed."""
    if isinstance(node, Group):
        return value_at(document, path, node.nodes[0]) if node.nodes else None
    if isinstance(node, Piece):
        return node.text if path in ITSELF else value_at(document, path, node.holder)
    return document.value(path, node)


def nodes_at(document: Document, path: str, node: Node) -> list[Node]:
    """The nodes that a path selects from a node of any kind."""
    if isinstance(node, Piece) and path in ITSELF:
        return [node]
    if isinstance(node, Group) and not node.nodes:
        return []
    return document.nodes(path, owner(node))
