"""YAML as operators write it: every value is text, a list or a mapping, and knows its line.

Nothing is guessed from a text's looks: `no`, `0123` and `1:30` stay what was typed, and the
shape of the file says what is a number or a truth. No YAML tag is obeyed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ordercast.domain.errors import ConfigurationError

Location = tuple[str | int, ...]
"""The keys and places that lead from the top of a document to a value."""

_SYNTAX_CURE = "mend the YAML: indent with spaces, and put texts with : # or \\ in single quotes"
_PLAIN_TAGS = {
    ScalarNode: yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG,
    SequenceNode: yaml.resolver.BaseResolver.DEFAULT_SEQUENCE_TAG,
    MappingNode: yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a document: its place, what is wrong, and the cure."""

    location: Location
    problem: str
    cure: str


@dataclass(frozen=True)
class YamlDocument:
    """A file that is good YAML; its content still has to be validated."""

    path: Path
    root: Node

    @property
    def content(self) -> Any:
        """Text, lists and mappings; None where nothing was written."""
        return _content(self.root)

    def line_of(self, location: Location) -> int:
        """The line, from 1, of a value's key or list item; of the nearest holder if absent."""
        node, line = self.root, _line(self.root)
        for step in location:
            if step == 0 and not isinstance(node, SequenceNode):
                continue  # one thing by itself, where a list may stand
            key, node = _entry(node, step)
            if node is None:
                return line
            line = _line(key or node)
        return line

    def refusal(self, faults: Sequence[Fault]) -> ConfigurationError:
        """All the faults as one error, in the order of their lines."""
        placed = sorted(((self.line_of(fault.location), fault) for fault in faults), key=_first)
        return _refusal(
            [(f"{shown(self.path)}:{line}", fault.problem, fault.cure) for line, fault in placed]
        )


def read_yaml(path: Path) -> YamlDocument:
    """The document in a file; ConfigurationError if it cannot be read or is not good YAML."""
    text = _text(path)
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        faults = list(_odd_nodes(root, ())) if root else []
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{shown(path)}:{mark.line + 1}" if mark else shown(path)
        raise ConfigurationError(where, error.problem or "is not YAML", _SYNTAX_CURE) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(shown(path), f"is not YAML: {error}", _SYNTAX_CURE) from None
    except RecursionError:
        raise ConfigurationError(shown(path), "is nested too deeply", "flatten it") from None
    if root is None:
        raise ConfigurationError(f"{shown(path)}:1", "the file is empty", "fill it in")
    if faults:
        raise _refusal([(f"{shown(path)}:{line}", problem, cure) for line, problem, cure in faults])
    return YamlDocument(path, root)


def shown(path: Path) -> str:
    """A path as people would type it: from the working directory where it is below that."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        cure = "put the file there, or set the ORDERCAST_ setting that names it to where it is"
        raise ConfigurationError(shown(path), error.strerror or "cannot be read", cure) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{shown(path)}:{line}", "is not UTF-8", "save the file as UTF-8"
        ) from None


def _refusal(faults: Sequence[tuple[str, str, str]]) -> ConfigurationError:
    first, *others = faults
    return ConfigurationError(*first, also=[ConfigurationError(*other) for other in others])


def _odd_nodes(node: Node, holders: tuple[Node, ...]) -> Iterator[tuple[int, str, str]]:
    """What no shape can allow: keys twice, tags, and anchors that hold themselves."""
    if node in holders:
        yield _line(node), "the anchor holds itself", "take the alias out"
        return
    if node.tag != _PLAIN_TAGS[type(node)]:
        yield _line(node), f"the YAML tag {node.tag} is not allowed", "leave the tag out"
    if isinstance(node, MappingNode):
        yield from _odd_keys(node)
    for child in _children(node):
        yield from _odd_nodes(child, (*holders, node))


def _odd_keys(node: MappingNode) -> Iterator[tuple[int, str, str]]:
    first_lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, ScalarNode):
            yield _line(key), "the key is not a text", "use a plain name as the key"
        elif key.value in first_lines:
            problem = f"`{key.value}` is there twice, first in line {first_lines[key.value]}"
            yield _line(key), problem, "keep one of the two"
        else:
            first_lines[key.value] = _line(key)


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        yield from (value for _, value in node.value)


def _content(node: Node) -> Any:
    if isinstance(node, MappingNode):
        return {key.value: _content(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [_content(item) for item in node.value]
    is_plain = isinstance(node, ScalarNode) and node.style is None
    return None if is_plain and node.value in ("", "~", "null") else node.value


def _entry(node: Node, step: str | int) -> tuple[Node | None, Node | None]:
    """The key, where there is one, and the value that a step of a location leads to."""
    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), (None, None))
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None, None


def _line(node: Node) -> int:
    return node.start_mark.line + 1


def _first(pair: tuple[int, Fault]) -> int:
    return pair[0]
