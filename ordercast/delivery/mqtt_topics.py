"""Topics: what an event and the last state of a device are published to, and how long it lasts.

A URL is `mqtt://user:password@host:1883/topic/prefix?expiry=86400`, or `mqtts://…`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from ordercast.delivery.channels import Push
from ordercast.domain.errors import Problem
from ordercast.domain.said import Said
from ordercast.store.devices import DeviceState

EXPIRY_SECONDS = 86_400
LONGEST_SECONDS = 2**32 - 1
MOST_PREFIX = 200
OPTIONS = ("expiry", "state_expiry")

_LEVELS = re.compile(r"[^+#\x00-\x1f\x7f$/][^+#\x00-\x1f\x7f/]*(/[^+#\x00-\x1f\x7f/]+)*")
_DEVICE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True)
class Message:
    """What is published to a topic; `expiry_seconds` is None where it lasts."""

    topic: str
    body: bytes
    media_type: str
    expiry_seconds: int | None
    is_retained: bool = False

    @property
    def is_utf_8(self) -> bool:
        charset = self.media_type.partition("charset=")[2].strip('"').casefold()
        return charset in ("", "utf-8")


def messages_of(push: Push) -> Iterator[Message]:
    """The event for who is there, and the last state of each of its devices for who comes late."""
    prefix, query = prefix_of(push.url), parse_qs(urlsplit(push.url).query)
    lasts = _seconds(query, "state_expiry", default=None)
    for device in push.devices:
        if name := _device_level(device):
            body = _state(push, device)
            yield Message(f"{prefix}/{name}/state", body, "application/json", lasts, True)
    expiry = _seconds(query, "expiry", default=EXPIRY_SECONDS)
    topic = f"{prefix}/orders/{push.order_no}/events"
    yield Message(topic, push.body, push.media_type, expiry)


def prefix_of(url: str) -> str:
    """The topic that a URL names, without slashes at its ends."""
    return unquote(urlsplit(url).path).strip("/")


def _device_level(device: DeviceState) -> str | None:
    """A device as a level of a topic; None if it cannot be one."""
    level = device.plain_name
    return level if _DEVICE.fullmatch(level) and level != "orders" else None


def problem_with_topic(url: str) -> Problem | None:
    """What is wrong with the topic or the options of an MQTT URL."""
    prefix, parts = prefix_of(url), parse_qs(urlsplit(url).query, keep_blank_values=True)
    if not _LEVELS.fullmatch(prefix) or len(prefix.encode()) > MOST_PREFIX:
        cure = Said("use mqtt://host/topic/prefix, without + # and a leading $")
        return Problem("url", "names no topic that events may go to", cure)
    for name, values in parts.items():
        if name not in OPTIONS:
            problem = Said("has the option {name!r}", name=name)
            return Problem("url", problem, Said("use {options}", options=" / ".join(OPTIONS)))
        if len(values) != 1 or not _is_seconds(values[0]):
            problem = Said("has no seconds in {name}", name=name)
            return Problem("url", problem, Said("use {name}=86400; 0: for ever", name=name))
    return None


def _is_seconds(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= LONGEST_SECONDS


def _seconds(query: dict[str, list[str]], name: str, *, default: int | None) -> int | None:
    given = query.get(name)
    return (int(given[0]) or None) if given and _is_seconds(given[0]) else default


def _state(push: Push, device: DeviceState) -> bytes:
    document = {
        "device": device.name,
        "named_by": device.named_by,
        "state": device.state,
        "action": device.action,
        "product": device.product,
        "order_no": push.order_no,
        "line_no": device.line_no,
        "event_id": push.event_id,
        "time": push.time,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
