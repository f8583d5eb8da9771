"""What happens to pushes and secrets on their way: each mishap undone, with its name."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator

from ordercast.delivery.signing import PREFIX
from ordercast.receiver.signatures import Received

BOM = b"\xef\xbb\xbf"
CHARSETS = ("gb18030", "latin-1", "utf-16", "utf-16-le")
NEWLINES = (b"\n", b"\r\n")


def bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """What the body may have been before it was changed; the likeliest first."""
    yield "trailing-newline", body.rstrip(b"\r\n")
    for newline in NEWLINES:
        yield "trailing-newline", body + newline
    yield "line-ends", body.replace(b"\r\n", b"\n")
    yield "line-ends", body.replace(b"\n", b"\r\n")
    yield "byte-order-mark", body.removeprefix(BOM)
    yield from _charsets(body)
    yield "re-serialised", _spelled_anew(body, sort_keys=True)
    yield "re-serialised", _spelled_anew(body, sort_keys=False)


def _spelled_anew(body: bytes, *, sort_keys: bool) -> bytes:
    """JSON as Ordercast spells it."""
    try:
        document = json.loads(body)
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
        return text.encode()
    except (ValueError, RecursionError, TypeError):
        return body


def _charsets(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Text that was read in one charset and written in another, undone either way."""
    for charset in CHARSETS:
        yield "charset", _recoded(body, "utf-8", charset)
        yield "charset", _recoded(body, charset, "utf-8")


def _recoded(body: bytes, read: str, written: str) -> bytes:
    try:
        return body.decode(read).encode(written)
    except (UnicodeError, LookupError):
        return body


def identities(received: Received) -> Iterator[tuple[str, Received]]:
    """The id and the timestamp that may have been signed, instead of those in the headers."""
    yield "id", received.changed(message_id=received.message_id.strip())
    if told := _id_in(received.body):
        yield "id", received.changed(message_id=told)
    yield "timestamp", received.changed(timestamp=received.timestamp.strip())
    if received.timestamp.isdigit() and len(received.timestamp) > 11:
        yield "timestamp", received.changed(timestamp=received.timestamp[:-3])


def _id_in(body: bytes) -> str | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    told = document.get("id") if isinstance(document, dict) else None
    return told if isinstance(told, str) else None


def spellings(header: str) -> Iterator[str]:
    """A signature header as it may have been before it was cut or quoted."""
    plain = header.strip().strip("\"'")
    yield plain
    yield plain.replace("v1=", "v1,").replace("v1:", "v1,")
    yield " ".join(f"v1,{each}" for each in plain.replace(",", " ").split())
    yield " ".join(f"v1,{_from_hex(each)}" for each in plain.removeprefix("v1,").split())


def _from_hex(text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return text


def keys(secret: str) -> Iterator[tuple[str, bytes]]:
    """The keys that a secret in a wrong form may stand for, with what is wrong with it."""
    plain = secret.strip().strip("\"'").strip()
    tail = plain.removeprefix(PREFIX)
    for note, read in READINGS:
        if key := _read(read, tail):
            yield note, key


def _padded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _url_safe(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _twice(text: str) -> bytes:
    return _padded(_padded(text).decode().removeprefix(PREFIX))


READINGS: tuple[tuple[str, Callable[[str], bytes]], ...] = (
    ("has blanks, quotes, no whsec_ or no padding", _padded),
    ("is in the URL's form of base64", _url_safe),
    ("is in hexadecimal", bytes.fromhex),
    ("is in base64 twice", _twice),
    ("was used as text, not as base64", str.encode),
    ("was used as text, whsec_ included", lambda text: f"{PREFIX}{text}".encode()),
)


def _read(read: Callable[[str], bytes], text: str) -> bytes | None:
    try:
        return read(text)
    except (binascii.Error, ValueError):
        return None
