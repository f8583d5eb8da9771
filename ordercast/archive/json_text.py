"""JSON made readable piece by piece, however long it is."""

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

INDENT = "  "
QUOTE = '"'
GZIP = 16 + zlib.MAX_WBITS
TEXT = re.compile(r'[^"\\]+|\\.|"', re.DOTALL)
"""What follows inside a text: plain characters, one that is escaped, or the end."""
REST = re.compile(r"[^\s\[\]{},:\"]+|[\[\]{},:\"]|\s+")
"""What follows outside of one: a number or a word, a sign, or white space."""


class NotReadable(ValueError):
    """What was to be read is something else than compressed JSON."""


def readable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compressed JSON as indented text; NotReadable if it is something else.

    What the text says is not checked beyond its first sign: its checksum is there for that.
    """
    texts = _texts(_inflated(pieces))
    first = next(texts, "")
    if first.lstrip()[:1] not in ("{", "["):
        raise NotReadable("it is no compressed JSON")
    indenting = Indenting()
    for text in chain([first], texts):
        yield indenting.indented(text).encode()
    yield b"\n"


class Indenting:
    """Puts each value of a JSON text on a line of its own, wherever the text is cut."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_text = False
        self._just_opened = False
        self._cut_escape = ""

    def indented(self, text: str) -> str:
        """The next part of the text, indented."""
        text, self._cut_escape = self._cut_escape + text, ""
        out: list[str] = []
        position = 0
        while position < len(text):
            found = (TEXT if self._in_text else REST).match(text, position)
            if found is None:  # a backslash at the very end: what it escapes is yet to come
                self._cut_escape = text[position:]
                break
            out.append(self._inside(found[0]) if self._in_text else self._outside(found[0]))
            position = found.end()
        return "".join(out)

    def _inside(self, sign: str) -> str:
        self._in_text = sign != QUOTE
        return sign

    def _outside(self, sign: str) -> str:
        if sign.isspace():
            return ""
        was_opened, self._just_opened = self._just_opened, False
        if sign in "]}":
            self._depth -= 1
            return sign if was_opened else self._line() + sign
        before = self._line() if was_opened else ""
        if sign in "[{":
            self._depth, self._just_opened = self._depth + 1, True
        self._in_text = sign == QUOTE
        after = {",": self._line(), ":": " "}.get(sign, "")
        return before + sign + after

    def _line(self) -> str:
        return "\n" + INDENT * self._depth


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=GZIP)
    try:
        for piece in pieces:
            while piece:
                yield inflate.decompress(piece, max_length=2**20)
                piece = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error:
        raise NotReadable("it is no compressed JSON") from None
    if not inflate.eof:
        raise NotReadable("it ends before its end")


def _texts(pieces: Iterable[bytes]) -> Iterator[str]:
    decode = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces:
            if text := decode.decode(piece):
                yield text
    except UnicodeDecodeError:
        raise NotReadable("it is no compressed JSON") from None
