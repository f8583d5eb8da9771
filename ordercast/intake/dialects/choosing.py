"""Choosing: which dialect a message is in.

The first of these that names one: the sender, the queue, the agent, the content. Among several
that fit, one whose `content` fits goes before one that does not look at it; then the name
decides. A message that no dialect takes is in Ordercast's own forms.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] (it has no types)

from config.dialect_paths import PathFault
from config.dialect_shape import Format, WhenShape
from config.dialects import OWN_FORMS, Dialect, dialects
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.dialects.documents import Document, Group
from ordercast.intake.dialects.opening import open_document
from ordercast.intake.json_orders import JSON, NDJSON, plain_type
from ordercast.store.inbox import RawMessage

FORMATS = {
    JSON: Format.JSON,
    NDJSON: Format.JSON,
    "text/json": Format.JSON,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "text/csv": Format.CSV,
}


@dataclass(frozen=True)
class Choice:
    """The dialect of a message and why it is that one."""

    dialect: Dialect | None
    because: str


def choose(message: RawMessage) -> Choice:
    """The dialect that a message is in; InvalidMessage if it names one that there is not."""
    if message.dialect:
        return Choice(_named(message.dialect), "it was asked for")
    fitting = [each for each in dialects().values() if _is_written_in(each.format, message)]
    content = _Content(message)
    ways: Sequence[tuple[str | None, Callable[[WhenShape], Sequence[str]], str]] = (
        (message.queue, lambda when: when.queues, "the queue is {}"),
        (message.agent, lambda when: when.agents, "the agent is {}"),
    )
    for given, patterns, because in ways:
        named = [each for each in fitting if given and _covers(patterns(each.written.when), given)]
        found = next(_by_content(named, content), None)
        if found:
            return Choice(found, because.format(given))
    unnamed = [each for each in fitting if _looks_at_content_alone(each.written.when)]
    found = next(_by_content(unnamed, content), None)
    return Choice(found, "the content fits" if found else "no dialect takes it")


def _named(name: str) -> Dialect | None:
    if name == OWN_FORMS:
        return None
    found = dialects().get(name)
    if found is None:
        known = ", ".join([*dialects(), OWN_FORMS])
        problem = Problem("dialect", "is not known", f"use one of: {known}")
        raise InvalidMessage([problem])
    return found


def _is_written_in(kind: Format, message: RawMessage) -> bool:
    """Whether the message may be of that format; what is said of it too vaguely may be any."""
    said = plain_type(message.media_type)
    if said.endswith("+xml"):
        return kind is Format.XML
    return FORMATS.get(said, kind) is kind


def _covers(patterns: Sequence[str], given: str) -> bool:
    return any(fnmatchcase(given.casefold(), pattern.casefold()) for pattern in patterns)


def _looks_at_content_alone(when: WhenShape) -> bool:
    return bool(when.content) and not when.agents and not when.queues


def _by_content(candidates: Sequence[Dialect], content: "_Content") -> Iterator[Dialect]:
    looking = [each for each in candidates if each.written.when.content]
    yield from (each for each in looking if content.fits(each))
    yield from (each for each in candidates if each not in looking)


class _Content:
    """The content of a message, read once in each way that a dialect may read it."""

    def __init__(self, message: RawMessage) -> None:
        self._message = message

    def fits(self, dialect: Dialect) -> bool:
        """Whether every path that the dialect looks for finds something."""
        try:
            document = open_document(dialect, self._message.body, self._message.media_type)
            return all(finds(document, path) for path in dialect.written.when.content)
        except (InvalidMessage, PathFault):
            return False


def finds(document: Document, path: str) -> bool:
    """Whether a path finds anything in a message; PathFault if it cannot be followed."""
    if isinstance(document.root, Group):
        pattern = path.strip().lower()
        return any(fnmatchcase(name, pattern) for row in document.root.nodes for name in row.cells)
    return _is_something(document.dialect.paths[path](document.root))


def _is_something(found: Any) -> bool:
    """Whether there is more than lists of nothing."""
    if isinstance(found, list):
        return any(etree.iselement(each) or _is_something(each) for each in found)
    return bool(found)
