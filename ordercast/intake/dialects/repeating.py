"""What is repeated in a message: orders in it, lines in an order, commands in a line."""

from collections.abc import Sequence
from typing import Any

from config.dialect_paths import PathFault
from config.dialect_rules import Each
from config.dialect_shape import Block
from ordercast.intake.dialects.documents import Group, Node, Piece, nodes_at, value_at
from ordercast.intake.dialects.values import Scope, ValueFault, spelled


def repeated(block: Block, scope: Scope) -> list[Node]:
    """The nodes that a block stands for; ValueFault if a path cannot be followed.

    Without `each` these are the nodes of a group, one by one, or else the node itself.
    """
    if block.each:
        found = selected(block.each, scope)
    else:
        found = list(scope.node.nodes) if isinstance(scope.node, Group) else [scope.node]
    kept = [node for node in found if _fits(block, scope, node)]
    return _grouped(block.group_by, scope, kept) if block.group_by else kept


def selected(each: Each, scope: Scope) -> list[Node]:
    """The nodes that the paths select, those of the first path first."""
    found: list[Node] = []
    for path in each.path:
        try:
            nodes = nodes_at(scope.document, path, scope.at(each.of))
        except PathFault as fault:
            raise ValueFault(path, str(fault), "send what the path expects") from None
        found += [part for node in nodes for part in _pieces(each, node)]
    return found


def _pieces(each: Each, node: Any) -> list[Node]:
    if each.split is None:
        return [node]
    text = getattr(node, "text", None) or ""
    holder = getattr(node, "holder", node)
    return [Piece(part.strip(), holder) for part in text.split(each.split) if part.strip()]


def _fits(block: Block, scope: Scope, node: Node) -> bool:
    return all(_text_at(path, scope, node) in allowed for path, allowed in block.where.items())


def _grouped(paths: Sequence[str], scope: Scope, nodes: Sequence[Node]) -> list[Node]:
    groups: dict[tuple[str | None, ...], list[Node]] = {}
    for node in nodes:
        groups.setdefault(tuple(_text_at(path, scope, node) for path in paths), []).append(node)
    return [Group(each) for each in groups.values()]


def _text_at(path: str, scope: Scope, node: Node) -> str | None:
    try:
        value = value_at(scope.document, path, node)
    except PathFault as fault:
        raise ValueFault(path, str(fault), "send what the path expects") from None
    return None if value is None else spelled(value)
