"""Translating: a message in a dialect becomes orders, lines and commands, with every fault."""

from collections.abc import Callable, Mapping
from typing import Any

from config.dialect_rules import Rule
from config.dialect_shape import LinesShape, OrderShape, WorkOrdersShape
from ordercast.domain.commands import faults_of
from ordercast.domain.errors import Problem
from ordercast.domain.order import ItemAction
from ordercast.intake.dialects.commands import as_commands, put_in_order
from ordercast.intake.dialects.documents import Document, Group
from ordercast.intake.dialects.naming import fill
from ordercast.intake.dialects.parts import Part
from ordercast.intake.dialects.repeating import repeated
from ordercast.intake.dialects.values import (
    Scope,
    ValueFault,
    label,
    moment_of,
    text_of,
    texts_of,
)

Reader = Callable[[Rule, Scope], Any]

ORDER_VALUES: Mapping[str, Reader] = {
    "external_id": text_of,
    "agent": text_of,
    "channel": text_of,
    "category": text_of,
    "description": lambda rule, scope: text_of(rule, scope, limit=None),
    "priority": text_of,
    "requested_start": moment_of,
    "requested_completion": moment_of,
    "note": texts_of,
}
_ACTIONS = ", ".join(ItemAction)


def translate(document: Document) -> tuple[list[Part], list[Problem]]:
    """The orders that a message holds, each with what is wrong with it, and what is wrong else."""
    block = document.dialect.written.order
    root = Scope(document, document.root, {"message": document.root})
    whole = Part(root)
    if isinstance(root.node, Group) and not root.node.nodes:
        return [], [*document.problems]
    scopes = [root]
    if block.each or block.group_by:
        scopes = _found(whole, block)
    elif block.where:
        scopes = _found(whole, block)
        if scopes and isinstance(root.node, Group):
            scopes = [root.within(Group([each.node for each in scopes]))]
    orders = [_order(block, each.as_level("order")) for each in scopes]
    if not orders and not whole.problems:
        whole.wrong(_first(block), "finds no order", "send at least one")
    return orders, [*document.problems, *whole.problems]


def _found(part: Part, block: OrderShape | LinesShape | WorkOrdersShape) -> list[Scope]:
    try:
        return repeated(block, part.scope)
    except ValueFault as fault:
        part.catch(fault)
        return []


def _first(block: OrderShape | LinesShape | WorkOrdersShape) -> str:
    return block.each.path[0] if block.each else "."


def _order(block: OrderShape, scope: Scope) -> Part:
    order = Part(scope)
    for name, reader in ORDER_VALUES.items():
        rule = getattr(block, name)
        if rule is not None:
            _put(order, name, rule, reader)
    for role, rule in block.parties.items():
        try:
            party = text_of(rule, scope)
        except ValueFault as fault:
            order.catch(fault)
            continue
        if party:
            order.parties[role] = party
    for lines in block.lines:
        for each in _found(order, lines):
            order.parts.append(_line(lines, each.as_level("line"), len(order.parts) + 1))
    _check_ids(order)
    if not order.parts and not order.problems:
        order.wrong(_first(block.lines[0]), "finds no line", "send at least one")
    return order


def _put(part: Part, name: str, rule: Rule, reader: Reader, *, needed: bool = False) -> None:
    """Read a value of a part; one that is needed and not there is a fault."""
    try:
        value = reader(rule, part.scope)
    except ValueFault as fault:
        part.catch(fault)
        return
    if value:
        part.values[name] = value
        if rule.sensitive:
            part.secret.add(name)
    elif needed:
        part.wrong(label(rule), "is empty", "fill it in")


def _line(block: LinesShape, scope: Scope, number: int) -> Part:
    line = Part(scope, values={"id": str(number)})
    if block.id:
        _put(line, "id", block.id, text_of)
    _put(line, "product", block.product, text_of, needed=True)
    _put(line, "action", block.action, text_of, needed=True)
    action = line.values.get("action")
    if action and action not in list(ItemAction):
        line.wrong(label(block.action), "is not an action", f"use one of: {_ACTIONS}")
    fill(line, block.characteristics, block.characteristics_from)
    for work in block.work_orders:
        made = [_command(work, each) for each in _found(line, work)]
        put_in_order(work, made, taken=line.parts)
        line.parts += made
    _check_commands(line)
    return line


def _command(block: WorkOrdersShape, scope: Scope) -> Part:
    command = Part(scope)
    _put(command, "name", block.name, text_of, needed=True)
    for name in ("id", "system", "team", "step"):
        rule = getattr(block, name)
        if rule is not None:
            _put(command, name, rule, text_of)
    if block.after is not None:
        _put(command, "after", block.after, texts_of)
    fill(command, block.parameters, block.parameters_from)
    return command


def _check_ids(order: Part) -> None:
    """Ids of lines must differ: by them the partner finds the results again."""
    seen: set[str] = set()
    for line in order.parts:
        if line.values["id"] in seen:
            blocks = line.scope.dialect.written.order.lines
            path = next((label(block.id) for block in blocks if block.id), ".")
            line.wrong(path, "is the id of another line too", "give each line its own")
        seen.add(line.values["id"])


def _check_commands(line: Part) -> None:
    if not line.parts or not all(part.is_good for part in line.parts):
        return
    for fault in faults_of(as_commands(line.parts)):
        place = 0 if fault.place is None else fault.place
        command = line.parts[place]
        command.wrong(command.values.get("after_path", "."), fault.problem, fault.cure)
