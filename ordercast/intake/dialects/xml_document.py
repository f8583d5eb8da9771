"""A partner's XML: paths are XPath 1.0. Neither DTD nor entities nor network, bounded depth."""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from math import isfinite
from typing import Any

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] (it has no types)

from config.dialects import Dialect
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.masking import MASKED
from ordercast.intake.dialects.documents import Node, Piece, is_empty, owner
from ordercast.intake.dialects.encodings import text_of
from ordercast.intake.dialects.safe_xml import Element, check_depth, parse_xml
from ordercast.intake.json_orders import load_json


class XmlDocument:
    """A message in XML; paths of the message begin at its root element."""

    def __init__(self, dialect: Dialect, root: Element) -> None:
        self.dialect, self.root = dialect, root
        self.problems: Sequence[Problem] = ()
        self._steps: dict[Element, str] = {}

    def value(self, path: str, node: Node) -> Any:
        found = self.dialect.paths[path](node)
        if not isinstance(found, list):
            return _plain(found)
        values = [each for each in map(_plain, found) if each != ""]
        return values if len(values) > 1 else next(iter(values), None)

    def nodes(self, path: str, node: Node) -> list[Node]:
        found = self.dialect.paths[path](node)
        several = found if isinstance(found, list) else [found]
        return [
            each if etree.iselement(each) else Piece(str(_plain(each)), node)
            for each in several
            if each != ""
        ]

    def named_values(self, path: str, node: Node) -> list[tuple[str, Any]]:
        found = self.dialect.paths[path](node)
        several = found if isinstance(found, list) else []
        return [pair for each in several for pair in _pairs(each)]

    def place(self, node: Node, path: str) -> tuple[str, int | None]:
        element = owner(node)
        line = element.sourceline
        if path.startswith("/"):
            return path, line
        at = "/".join(reversed([self._step(each) for each in _up(element)]))
        return f"/{at}" if path in (".", "*") else f"/{at}/{path}", line

    def _step(self, element: Element) -> str:
        """The name of an element, with its number where it has brothers of that name."""
        if element not in self._steps:
            parent = element.getparent()
            brothers = [element] if parent is None else list(parent.iterchildren(etree.Element))
            self._steps |= _numbered(brothers)
        return self._steps[element]

    def hidden(self) -> "XmlDocument":
        twin = XmlDocument(self.dialect, deepcopy(self.root))
        for path in self.dialect.written.sensitive:
            for found in self.dialect.paths[path](twin.root):
                _hide(found)
        return twin


def read_xml(dialect: Dialect, body: bytes, media_type: str) -> XmlDocument:
    """The message that the bytes are; InvalidMessage if they are none, or no safe one."""
    written = dialect.written
    text = text_of(body, encoding=written.encoding, media_type=media_type, is_xml=True)
    document = XmlDocument(dialect, parse_xml(text, ignore_namespaces=written.ignore_namespaces))
    for path in written.embedded:
        for found in dialect.paths[path](document.root):
            _unpack(document, found, path)
    if written.embedded:
        check_depth(document.root)
    return document


def _plain(found: Any) -> Any:
    """A text, number or truth; an element that holds others as a mapping."""
    if isinstance(found, bool):
        return found
    if isinstance(found, float):
        return None if not isfinite(found) else int(found) if found.is_integer() else found
    if not etree.iselement(found):
        return str(found).strip()
    if not len(found):
        return (found.text or "").strip()
    values: dict[str, Any] = {}
    for name, value in _pairs(found):
        values[name] = [*_listed(values[name]), value] if name in values else value
    return values


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pairs(found: Any) -> Iterator[tuple[str, Any]]:
    if etree.iselement(found):
        children = list(found) or [found]
        yield from ((_local_name(child.tag), _plain(child)) for child in children)
    elif getattr(found, "is_attribute", False):
        yield _local_name(found.attrname), _plain(found)


def _local_name(name: Any) -> str:
    return etree.QName(name).localname


def _up(element: Element) -> Iterator[Element]:
    while element is not None:
        yield element
        element = element.getparent()


def _numbered(brothers: Sequence[Element]) -> dict[Element, str]:
    counts = Counter(each.tag for each in brothers)
    numbers: Counter[str] = Counter()
    steps: dict[Element, str] = {}
    for each in brothers:
        numbers[each.tag] += 1
        number = f"[{numbers[each.tag]}]" if counts[each.tag] > 1 else ""
        steps[each] = _local_name(each.tag) + number
    return steps


def _hide(found: Any) -> None:
    if etree.iselement(found):
        for each in found.iter(etree.Element):
            each.text = MASKED if (each.text or "").strip() else each.text
            each.tail = MASKED if each is not found and (each.tail or "").strip() else each.tail
            for name in each.attrib:
                each.attrib[name] = MASKED
        return
    parent = found.getparent()
    if found.is_attribute:
        parent.attrib[found.attrname] = MASKED
    elif found.is_tail:
        parent.tail = MASKED
    else:
        parent.text = MASKED


def _unpack(document: XmlDocument, found: Any, path: str) -> None:
    """Put the XML or JSON that a text holds in its place, as elements."""
    element = found if etree.iselement(found) else found.getparent()
    text = (element.text or "").strip()
    if is_empty(text, document.dialect) or len(element):
        return
    try:
        if text.startswith("<"):
            ignore = document.dialect.written.ignore_namespaces
            element.append(parse_xml(text, ignore_namespaces=ignore))
        else:
            _append(element, load_json(text))
    except InvalidMessage as refused:
        first = refused.problems[0]
        raise InvalidMessage([Problem(path, first.problem, first.cure)]) from None
    if len(element):
        element.text = None


def _append(element: Element, value: Any) -> None:
    """A JSON value as the content of an element: fields and items are elements of their own."""
    if isinstance(value, dict):
        for name, each in value.items():
            for one in _listed(each):
                _append(_child(element, name), one)
    elif isinstance(value, list):
        for each in value:
            _append(_child(element, "item"), each)
    elif value is not None:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)


def _child(element: Element, name: str) -> Element:
    try:
        return etree.SubElement(element, name)
    except ValueError:  # no name for an element
        return etree.SubElement(element, "entry", name=name)
