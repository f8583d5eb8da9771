"""Values: what the rules of a dialect make of what stands in a message."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from config.dialect_paths import PathFault
from config.dialect_rules import MILLISECONDS, SECONDS, Rule, zone
from config.dialects import Dialect
from ordercast.intake.dialects.documents import Document, Node, is_empty, value_at

OTHERS = "*"
TRUE = {"true", "1", "yes", "y", "on", "是", "开"}
FALSE = {"false", "0", "no", "n", "off", "否", "关"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"[+-]?\d{1,30}")


class ValueFault(Exception):
    """A value that a rule cannot take: the path, what is wrong, and the cure."""

    def __init__(self, path: str, problem: str, cure: str) -> None:
        self.path, self.problem, self.cure = path, problem, cure
        super().__init__(f"{path}: {problem}; {cure}")


@dataclass(frozen=True)
class Scope:
    """Where in a message a rule looks: a node, and the nodes around it by their level."""

    document: Document
    node: Node
    around: Mapping[str, Node] = field(default_factory=dict)

    @property
    def dialect(self) -> Dialect:
        return self.document.dialect

    def within(self, node: Node, level: str | None = None) -> "Scope":
        """The scope of a node further in, which may be a level of its own."""
        around = {**self.around, level: node} if level else self.around
        return Scope(self.document, node, around)

    def as_level(self, level: str) -> "Scope":
        """The same scope, which rules further in may call by its level."""
        return self.within(self.node, level)

    def at(self, level: str | None) -> Node:
        return self.around.get(level, self.node) if level else self.node


def label(rule: Rule) -> str:
    """What a rule is called towards the partner: the path of its value."""
    if rule.path:
        return rule.path[0]
    return " + ".join(label(part) for part in rule.join if not part.constant) or "."


def value_of(rule: Rule, scope: Scope) -> Any:
    """The value that a rule finds, None if there is none; ValueFault if it is of the wrong kind."""
    found = _source(rule, scope)
    if not rule.changes_nothing:
        found = _cut(rule, found, scope)
    if isinstance(found, str) and rule.changes_nothing:
        found = found.strip()
    elif isinstance(found, list):
        made = [_made(rule, each, scope) for each in found]
        found = [each for each in made if not is_empty(each, scope.dialect)]
    else:
        found = _made(rule, found, scope)
    if is_empty(found, scope.dialect):
        found = rule.default
    if found is None and rule.required:
        raise ValueFault(label(rule), "is empty", "fill it in")
    return found


def text_of(rule: Rule | None, scope: Scope, *, limit: int | None = 255) -> str | None:
    """The one text that a rule finds; None if there is none."""
    if rule is None:
        return None
    text = one_text(rule, value_of(rule, scope))
    if text is not None and limit is not None and len(text) > limit:
        raise ValueFault(label(rule), f"is longer than {limit} characters", "shorten it")
    return text


def one_text(rule: Rule, value: Any) -> str | None:
    """A value that must be a single one, as text."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list | dict):
        raise ValueFault(label(rule), "is not a single value", "send one")
    return None if value is None else spelled(value)


def texts_of(rule: Rule | None, scope: Scope) -> list[str]:
    """All the texts that a rule finds."""
    if rule is None:
        return []
    value = value_of(rule, scope)
    several = value if isinstance(value, list) else [value]
    return [text for each in several if (text := one_text(rule, each)) is not None]


def moment_of(rule: Rule | None, scope: Scope) -> str | None:
    """The date and time that a rule finds, as ISO 8601 in its zone."""
    if rule is None:
        return None
    if rule.date is None:
        rule = rule.model_copy(update={"date": scope.dialect.written.dates.format or [_ISO]})
    return text_of(rule, scope)


_ISO = "ISO 8601"


def spelled(value: Any) -> str:
    """A single value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def _source(rule: Rule, scope: Scope) -> Any:
    if rule.constant is not None:
        return rule.constant
    if rule.join:
        return _joined(rule, scope)
    for path in rule.path:
        found = _found(path, scope, rule.of)
        if not is_empty(found, scope.dialect):
            return found
    return None


def _found(path: str, scope: Scope, level: str | None) -> Any:
    try:
        return value_at(scope.document, path, scope.at(level))
    except PathFault as fault:
        raise ValueFault(path, str(fault), "send what the path expects") from None


def _joined(rule: Rule, scope: Scope) -> str | None:
    parts = [text_of(part, scope, limit=None) for part in rule.join]
    given = [part for part in parts if part]
    has_any = any(
        text for text, part in zip(parts, rule.join, strict=True) if part.constant is None
    )
    return rule.between.join(given) if has_any else None


def _cut(rule: Rule, found: Any, scope: Scope) -> Any:
    """What is found, cut out by `match` and then cut up by `split`."""
    if isinstance(found, list):
        cut = [_cut(rule, each, scope) for each in found]
        return [part for each in cut for part in (each if isinstance(each, list) else [each])]
    if isinstance(found, dict) or is_empty(found, scope.dialect):
        return found
    if rule.match is not None:
        found = _matched(rule, spelled(found))
    if rule.split is not None and found is not None:
        return [part.strip() for part in spelled(found).split(rule.split)]
    return found


def _made(rule: Rule, value: Any, scope: Scope) -> Any:
    """A single value as the rule wants it; structures stay as they are."""
    if isinstance(value, list | dict) or is_empty(value, scope.dialect):
        return value
    if rule.values is not None:
        value = _mapped(rule, rule.values, spelled(value))
    if rule.date is not None and value:
        value = _dated(rule, rule.date, spelled(value), scope)
    if rule.type is not None and value is not None:
        value = _typed(rule, value)
    return value.strip() if isinstance(value, str) else value


def _matched(rule: Rule, text: str) -> str | None:
    found = re.search(rule.match or "", text)
    if found is None:
        if rule.default is not None:
            return None
        raise ValueFault(label(rule), "does not have the right form", f"it must have {rule.match}")
    return found[1] if found.re.groups else found[0]


def _mapped(rule: Rule, values: Mapping[str, str | None], text: str) -> str | None:
    if text in values:
        return values[text]
    if OTHERS in values:
        other = values[OTHERS]
        return text if other == OTHERS else other
    known = ", ".join(values)
    raise ValueFault(label(rule), "is none of the known values", f"use one of: {known}")


def _dated(rule: Rule, formats: Sequence[str], text: str, scope: Scope) -> str:
    for form in formats:
        try:
            moment = _parsed(text, form)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone(rule.zone or scope.dialect.written.dates.zone))
            moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        return moment.isoformat()
    cure = f"write it like {' or '.join(formats)}"
    raise ValueFault(label(rule), "is not a date of the agreed form", cure)


def _parsed(text: str, form: str) -> datetime:
    if form == _ISO:
        return datetime.fromisoformat(text)
    if form in (SECONDS, MILLISECONDS):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(form)
        return _EPOCH + timedelta(seconds=number if form == SECONDS else number / 1000)
    return datetime.strptime(text, form)  # noqa: DTZ007 (the zone is given afterwards)


def _typed(rule: Rule, value: Any) -> Any:
    if rule.type == "text":
        return spelled(value)
    if rule.type == "boolean":
        word = spelled(value).lower()
        if word not in TRUE | FALSE:
            raise ValueFault(label(rule), "is neither true nor false", "send true or false")
        return word in TRUE
    return _number(rule, value)


def _number(rule: Rule, value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = spelled(value)
    try:
        number = int(text) if _WHOLE.fullmatch(text) else float(text)
        if not math.isfinite(number):
            raise ValueError(text)
    except ValueError:
        raise ValueFault(label(rule), "is not a number", "send digits") from None
    return number
