"""Paths of dialects: JMESPath for JSON, XPath 1.0 for XML, names of columns for CSV."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] (it has no types)

from config.dialect_shape import Format
from config.jmespath_functions import DialectFunctions

Path = Callable[[Any], Any]
"""What a path finds from a node; raises PathFault."""

_OPTIONS = jmespath.Options(custom_functions=DialectFunctions())
_FOREIGN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What an interpreter of paths may raise over a message that nobody foresaw."""

_FIELDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")

KEEPS_VALUES = {"values", "not_null", "to_array", "merge", "reverse", "sort_by", "max_by", "min_by"}
KEEPS_VALUES |= {"entries", "map"}
"""Functions whose results are parts of the message itself, and no new values."""


class PathFault(ValueError):
    """A path that is none, or that cannot be followed in a message."""


def compile_path(kind: Format, text: str, namespaces: Mapping[str, str]) -> Path:
    """The path that a text means; PathFault if it means none."""
    if kind is Format.JSON:
        return _jmespath(text)
    if kind is Format.XML:
        return _xpath(text, namespaces)
    return _column(text)


def check_can_be_hidden(kind: Format, text: str, namespaces: Mapping[str, str]) -> None:
    """PathFault unless what the path finds are parts of the message, so that they can be hidden."""
    if kind is Format.JSON:
        for name in _functions(jmespath.compile(text).parsed, with_filters=False):
            if name not in KEEPS_VALUES:
                raise PathFault(f"makes new values with {name}()")
    elif kind is Format.XML:
        found = _xpath(text, namespaces)(etree.Element("x"))
        if not isinstance(found, list):
            raise PathFault("finds no elements, attributes or text, but makes a new value")


def _jmespath(text: str) -> Path:
    try:
        expression = jmespath.compile(text)
    except JMESPathError as error:
        raise PathFault(f"is no JMESPath: {str(error).splitlines()[0]}") from None
    for name in _functions(expression.parsed, with_filters=True):
        if name not in DialectFunctions.FUNCTION_TABLE:
            raise PathFault(f"calls {name}(), which there is not")
    if _FIELDS.fullmatch(text):
        return _fields(text.split("."))

    def find(node: Any) -> Any:
        try:
            return expression.search(node, options=_OPTIONS)
        except (JMESPathError, *_FOREIGN) as error:
            raise PathFault(f"cannot be followed here ({type(error).__name__})") from None

    return find


def _fields(names: Sequence[str]) -> Path:
    """What JMESPath makes of `a.b.c`, many times faster."""

    def find(node: Any) -> Any:
        for name in names:
            node = node.get(name) if isinstance(node, dict) else None
        return node

    return find


def _functions(tree: Any, *, with_filters: bool) -> Iterator[str]:
    """The functions that an expression calls, those in filters if asked."""
    if tree["type"] == "function_expression":
        yield tree["value"]
    children = tree["children"]
    if tree["type"] == "filter_projection" and not with_filters:
        children = children[:2]
    for child in children:
        if isinstance(child, dict) and "type" in child:
            yield from _functions(child, with_filters=with_filters)


def _xpath(text: str, namespaces: Mapping[str, str]) -> Path:
    try:
        expression = etree.XPath(text, namespaces=dict(namespaces) or None)
        expression(etree.Element("x"))
    except (etree.XPathError, *_FOREIGN) as error:
        raise PathFault(f"is no XPath: {error}") from None

    def find(node: Any) -> Any:
        try:
            return expression(node)
        except (etree.XPathError, *_FOREIGN) as error:
            raise PathFault(f"cannot be followed here ({type(error).__name__})") from None

    return find


def _column(text: str) -> Path:
    name = text.strip().lower()
    return lambda row: row.get(name)
