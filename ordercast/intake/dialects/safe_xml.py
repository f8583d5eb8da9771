"""XML that is safe to read: no document type, no entities, no network, bounded depth."""

import re
from typing import Any, NoReturn

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] (it has no types)

from ordercast.contracts.nesting import MOST_LEVELS
from ordercast.domain.errors import InvalidMessage, Problem

Element = Any
_DECLARATION = re.compile(r"^\s*<\?xml\s[^>]{0,200}?\?>")


def parse_xml(text: str, *, ignore_namespaces: bool = False) -> Element:
    """The root element of a text that is XML without a document type."""
    text = _DECLARATION.sub(_line_ends, text.lstrip("\ufeff"), count=1)
    if _has_doctype(text):
        _refuse("has a document type (<!DOCTYPE)", "leave it out")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        _refuse(f"is not XML: {_reason(error)} (line {line}, column {column})", "mend it")
    except ValueError:
        _refuse("holds characters that XML does not allow", "leave them out")
    if root.getroottree().docinfo.doctype:
        _refuse("has a document type (<!DOCTYPE)", "leave it out")
    check_depth(root)
    if ignore_namespaces:
        _drop_namespaces(root)
    return root


def _line_ends(found: re.Match[str]) -> str:
    """What stays of a declaration, for the text is decoded: lines keep their numbers."""
    return "\n" * found[0].count("\n")


def _refuse(problem: str, cure: str) -> NoReturn:
    raise InvalidMessage([Problem("body", problem, cure)]) from None


def _reason(error: etree.XMLSyntaxError) -> str:
    """The parser's words without what they quote of the message."""
    words = str(error.msg).partition(", line ")[0].partition(":")[0]
    return re.sub(r"['\"‘].*", "", words).strip() or "it cannot be read"


def _has_doctype(text: str) -> bool:
    """Whether a document type stands before the root element."""
    place = 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        for opening, closing in (("<!--", "-->"), ("<?", "?>")):
            if text.startswith(opening, place):
                end = text.find(closing, place + len(opening))
                if end < 0:
                    return False
                place = end + len(closing)
                break
        else:
            return text[place : place + 9].upper() == "<!DOCTYPE"


def check_depth(root: Element) -> None:
    """InvalidMessage if elements stand in one another too many levels deep."""
    level = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        level += 1 if event == "start" else -1
        if level > MOST_LEVELS:
            _refuse("is nested too deeply", f"use at most {MOST_LEVELS} levels")


def _drop_namespaces(root: Element) -> None:
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
        for name in [each for each in element.attrib if each.startswith("{")]:
            element.attrib[etree.QName(name).localname] = element.attrib.pop(name)
    etree.cleanup_namespaces(root)
