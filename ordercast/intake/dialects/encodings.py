"""Bytes as text: by their mark, by what an XML declares, by the dialect, else UTF-8."""

import codecs
import re
from collections.abc import Iterator

from config.dialect_shape import ENCODINGS
from ordercast.domain.errors import InvalidMessage, Problem

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*"?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
_CODECS = {codecs.lookup(python).name: python for python in ENCODINGS.values()}


def text_of(
    body: bytes, *, encoding: str | None, media_type: str = "", is_xml: bool = False
) -> str:
    """The text of a message; InvalidMessage if no encoding that is said or usual reads it."""
    tried: list[str] = []
    for name in _candidates(body, encoding, media_type, is_xml=is_xml):
        try:
            return body.decode(name)
        except UnicodeDecodeError as error:
            tried.append(f"{name} at byte {error.start}")
    problem = f"is not {', nor '.join(dict.fromkeys(tried))}"
    raise InvalidMessage([Problem("body", problem, "send it in the encoding that is agreed")])


def _candidates(
    body: bytes, encoding: str | None, media_type: str, *, is_xml: bool
) -> Iterator[str]:
    for mark, name in _MARKS.items():
        if body.startswith(mark):
            yield name
            return
    declared = _DECLARED.match(body[:400]) if is_xml else None
    if declared:
        yield from _known(declared[1].decode())
    if encoding:
        yield encoding
    charset = _CHARSET.search(media_type)
    if charset:
        yield from _known(charset[1])
    yield "utf-8"


def _known(name: str) -> Iterator[str]:
    """What reads an encoding that a message names; nothing for one that is not read here."""
    if name.lower() in ENCODINGS:
        yield ENCODINGS[name.lower()]
        return
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return
    if found in _CODECS:
        yield _CODECS[found]
