"""Named values: characteristics of a line, parameters of a command."""

from collections.abc import Iterator, Sequence
from typing import Any

from config.dialect_paths import PathFault
from config.dialect_rules import Rule, Taken
from config.dialect_shape import Format, Values
from ordercast.intake.dialects.documents import is_empty, owner
from ordercast.intake.dialects.parts import Part
from ordercast.intake.dialects.repeating import selected
from ordercast.intake.dialects.values import Scope, ValueFault, text_of, value_of

LONGEST_NAME = 255
_IN_JSON = (Rule(path=["name"]), Rule(path=["value"]))
_IN_XML = (Rule(path=["@name"]), Rule(path=["."]))


def fill(part: Part, values: Values, taken: Sequence[Taken]) -> None:
    """Give a part its named values: those taken over whole, and in their place those named."""
    for each in taken:
        try:
            for name, value in _take(each, part):
                _add(part, name, value)
        except ValueFault as fault:
            part.catch(fault)
    for name, rule in values.items():
        try:
            value = value_of(rule, part.scope)
        except ValueFault as fault:
            part.catch(fault)
            continue
        if not is_empty(value, part.scope.dialect):
            part.named[name] = value
            if rule.sensitive:
                part.secret.add(name)


def _take(taken: Taken, part: Part) -> Iterator[tuple[str, Any]]:
    pairs = _pairs(taken, part) if taken.pairs else _fields(taken, part.scope)
    seen: dict[str, Any] = {}
    for theirs, value in pairs:
        if (taken.only and theirs not in taken.only) or theirs in taken.leave_out:
            continue
        if is_empty(value, part.scope.dialect):
            continue
        name = taken.names.get(theirs, theirs)
        seen[name] = [*_listed(seen[name]), value] if name in seen else value
    yield from seen.items()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pairs(taken: Taken, part: Part) -> Iterator[tuple[str, Any]]:
    assert taken.pairs
    usual = _IN_JSON if part.scope.dialect.format is Format.JSON else _IN_XML
    name_rule, value_rule = taken.name or usual[0], taken.value or usual[1]
    for node in selected(taken.pairs, part.scope):
        scope = part.scope.within(node)
        try:
            name, value = text_of(name_rule, scope), value_of(value_rule, scope)
        except ValueFault as fault:
            _catch(part, scope, fault)
            continue
        if name is None:
            if not is_empty(value, scope.dialect):
                _catch(part, scope, ValueFault(name_rule.path[0], "is empty", "fill it in"))
            continue
        if value_rule.sensitive:
            part.secret.add(taken.names.get(name, name))
        yield name, value


def _catch(part: Part, scope: Scope, fault: ValueFault) -> None:
    """Note a fault at the place of a pair, not at that of the part."""
    Part(scope, problems=part.problems).catch(fault)


def _fields(taken: Taken, scope: Scope) -> Iterator[tuple[str, Any]]:
    assert taken.fields
    try:
        found = scope.document.named_values(taken.fields, owner(scope.at(taken.of)))
    except PathFault as fault:
        raise ValueFault(taken.fields, str(fault), "send what the path expects") from None
    yield from found


def _add(part: Part, name: str, value: Any) -> None:
    if not name or len(name) > LONGEST_NAME:
        part.wrong(".", "has a name that is empty or too long", f"use 1 to {LONGEST_NAME} letters")
        return
    part.named[name] = value
