"""A partner's JSON: paths are JMESPath."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from config.dialects import Dialect
from ordercast.contracts.nesting import is_deeper
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.masking import MASKED
from ordercast.intake.dialects.documents import ITSELF, Node, Piece, is_empty, owner
from ordercast.intake.dialects.encodings import text_of
from ordercast.intake.json_orders import NDJSON, load_json, plain_type


class _Text(str):
    """A text that is known by its identity, not by its content."""

    __slots__ = ()


class _Whole(int):
    """A whole number that is known by its identity."""

    __slots__ = ()


class _Real(float):
    """Any other number that is known by its identity."""

    __slots__ = ()


for kind, name in ((_Text, "str"), (_Whole, "int"), (_Real, "float")):
    kind.__name__ = name  # JMESPath tells types by their names


class JsonDocument:
    """A message in JSON, or in NDJSON, which counts as an array."""

    def __init__(self, dialect: Dialect, root: Any) -> None:
        self.dialect, self.root = dialect, root
        self.problems: Sequence[Problem] = ()

    def value(self, path: str, node: Node) -> Any:
        return self.dialect.paths[path](node)

    def nodes(self, path: str, node: Node) -> list[Node]:
        found = self.value(path, node)
        several = found if isinstance(found, list) else [found]
        return [
            each if isinstance(each, dict | list) else Piece(_said(each), node)
            for each in several
            if each is not None
        ]

    def named_values(self, path: str, node: Node) -> list[tuple[str, Any]]:
        found = self.value(path, node)
        several = found if isinstance(found, list) else [found]
        return [pair for each in several if isinstance(each, dict) for pair in each.items()]

    def place(self, node: Node, path: str) -> tuple[str, int | None]:
        at = self._places.get(id(owner(node)), "")
        steps = [step for step in (at, path) if step and step not in ITSELF]
        return ".".join(steps).replace(".[", "[") or "body", None

    @cached_property
    def _places(self) -> Mapping[int, str]:
        """Where each array and object stands, by identity."""
        places: dict[int, str] = {}
        waiting: list[tuple[str, Any]] = [("", self.root)]
        while waiting:
            at, value = waiting.pop()
            places.setdefault(id(value), at)
            steps = enumerate(value) if isinstance(value, list) else value.items()
            for step, child in steps:
                if isinstance(child, dict | list):
                    spelled = f"{at}[{step}]" if isinstance(step, int) else f"{at}.{step}"
                    waiting.append((spelled.removeprefix("."), child))
        return places

    def hidden(self) -> "JsonDocument":
        root = _replaced(self, self.dialect.written.sensitive, lambda _path, _text: MASKED)
        return JsonDocument(self.dialect, root)


def read_json(dialect: Dialect, body: bytes, media_type: str) -> JsonDocument:
    """The message that the bytes are; InvalidMessage if they are none."""
    text = text_of(body, encoding=dialect.written.encoding, media_type=media_type)
    if plain_type(media_type) == NDJSON:
        lines = enumerate(text.split("\n"), start=1)
        root: Any = [load_json(line, number) for number, line in lines if line.strip()]
    else:
        root = load_json(text)
    if not isinstance(root, dict | list):
        raise InvalidMessage([Problem("body", "is no object or array", "send one")])
    document = JsonDocument(dialect, root)
    if dialect.written.embedded:
        root = _replaced(document, dialect.written.embedded, partial(_unpacked, dialect))
        document = JsonDocument(dialect, root)
        if is_deeper(document.root):
            raise InvalidMessage([Problem("body", "is nested too deeply", "flatten it")])
    return document


def _unpacked(dialect: Dialect, path: str, text: Any) -> Any:
    if not isinstance(text, str) or is_empty(text, dialect):
        return text
    try:
        return load_json(str(text))
    except InvalidMessage as refused:
        first = refused.problems[0]
        raise InvalidMessage([Problem(path, first.problem, first.cure)]) from None


def _replaced(document: JsonDocument, paths: list[str], make: Callable[[str, Any], Any]) -> Any:
    """The content with what the paths find replaced, each text and number by itself."""
    root = document.root
    for path in paths:
        root = _distinct(root)
        found = {id(leaf) for leaf in _leaves(document.value(path, root))}
        root = _rebuilt(root, found, lambda leaf, path=path: make(path, leaf))
    return root


def _distinct(value: Any) -> Any:
    """A copy in which no two texts or numbers are the same thing."""
    if isinstance(value, dict):
        return {name: _distinct(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_distinct(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    kind = _Text if isinstance(value, str) else _Whole if isinstance(value, int) else _Real
    return kind(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    else:
        yield value


def _rebuilt(value: Any, found: set[int], make: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _rebuilt(each, found, make) for name, each in value.items()}
    if isinstance(value, list):
        return [_rebuilt(each, found, make) for each in value]
    is_one = isinstance(value, _Text | _Whole | _Real)
    return make(value) if is_one and id(value) in found else value


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
