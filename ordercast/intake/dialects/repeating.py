"""What is repeated in a message: orders in it, lines in an order, commands in a line."""

from collections.abc import Sequence
from typing import Any

from config.dialect_paths import PathFault
from config.dialect_rules import Each
from config.dialect_shape import Block
from ordercast.intake.dialects.documents import Group, Node, Piece, nodes_at, value_at
from ordercast.intake.dialects.values import Scope, ValueFault, spelled


def repeated(block: Block, scope: Scope) -> list[Scope]:
    """The scope of each thing that a block stands for; ValueFault if a path leads nowhere.

    Without `each` these are the nodes of a group, one by one, or else the node itself.
    """
    holders = [scope]
    if block.within:
        holders = [scope.within(node, "holder") for node in selected(block.within, scope)]
    found = [each for holder in holders for each in _in_holder(block, holder)]
    kept = [each for each in found if _fits(block, each)]
    return _grouped(block.group_by, kept) if block.group_by else kept


def _in_holder(block: Block, scope: Scope) -> list[Scope]:
    if block.each:
        return [scope.within(node) for node in selected(block.each, scope)]
    if isinstance(scope.node, Group):
        return [scope.within(node) for node in scope.node.nodes]
    return [scope]


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


def _fits(block: Block, scope: Scope) -> bool:
    return all(_text_at(path, scope) in allowed for path, allowed in block.where.items())


def _grouped(paths: Sequence[str], scopes: Sequence[Scope]) -> list[Scope]:
    groups: dict[tuple[str | None, ...], list[Scope]] = {}
    for each in scopes:
        groups.setdefault(tuple(_text_at(path, each) for path in paths), []).append(each)
    return [each[0].within(Group([one.node for one in each])) for each in groups.values()]


def _text_at(path: str, scope: Scope) -> str | None:
    try:
        value = value_at(scope.document, path, scope.node)
    except PathFault as fault:
        raise ValueFault(path, str(fault), "send what the path expects") from None
    return None if value is None else spelled(value)
