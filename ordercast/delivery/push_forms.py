"""Filling in a push dialect: parameters, headers and body of an event, before it is signed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from jinja2 import Template
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] (it has no types)

from config.push_dialects import PushDialect
from config.push_shape import BodyFormat, PushShape
from config.push_templates import FAULTS, line_of, render, to_json
from ordercast.delivery.cloud_events import MOST_BYTES, fitted
from ordercast.domain.errors import PushNotMade, PushTooLong
from ordercast.store.push_tables import PushEvent

ROOMS = (16_000, 8_000, 4_000, 0)
"""The bytes of an event's data that templates are given: what is larger is left out.

The first is taken with which the body is not too long: a form takes up to nine bytes a letter.
"""
SIGNATURE = "0" * 64
"""As long as any signature."""

SUMMARY: Mapping[str, Any] = {
    "agent": None,
    "external_id": None,
    "title": None,
    "state": None,
    "category": None,
    "priority": None,
    "primary_tag": None,
    "ordered_at": None,
    "sealed_at": None,
    "products": (),
    "tags": (),
    "counts": {},
}
"""What templates are told of an order; None, or nothing, where the event does not say it."""


@dataclass(frozen=True)
class Filled:
    """A dialect filled in for an event; `body` is None where the signature is still to go in."""

    variables: Mapping[str, Any]
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None = None


def fill(dialect: PushDialect, event: PushEvent, data: Mapping[str, Any]) -> Filled:
    """All of a push but its signature; PushNotMade if the dialect does not fit the event."""
    field = dialect.written.signature.field
    for room in ROOMS:
        filled = _fill(dialect, variables_of(event, data, room))
        signed = {**filled.parameters, field: SIGNATURE} if field else filled.parameters
        try:
            body = write(dialect, filled, signed)
        except PushTooLong:
            if room == ROOMS[-1]:
                raise
        else:
            return filled if field else replace(filled, body=body)
    raise AssertionError("there is a last room")


def _fill(dialect: PushDialect, variables: Mapping[str, Any]) -> Filled:
    parameters = {
        name: _filled(dialect, f"parameters.{name}", each, variables).strip()
        for name, each in dialect.parameters.items()
    }
    headers = {
        name: _header(dialect, name, _filled(dialect, f"headers.{name}", each, variables))
        for name, each in dialect.headers.items()
    }
    return Filled(variables, parameters, headers)


def write(dialect: PushDialect, filled: Filled, parameters: Mapping[str, str]) -> bytes:
    """The bytes of the body; PushNotMade if they are too many, or not what the format says."""
    body = _written(dialect, filled.variables, parameters)
    if len(body) >= MOST_BYTES:
        raise PushTooLong(f"{dialect.name}: the body has {len(body)} bytes, {MOST_BYTES} or more")
    try:
        _check(dialect.written, body)
    except (ValueError, etree.XMLSyntaxError) as error:
        format = dialect.written.format.upper()
        raise PushNotMade(f"{dialect.name}: what it gives is no {format}: {error}") from None
    return body


def variables_of(event: PushEvent, data: Mapping[str, Any], room: int) -> dict[str, Any]:
    """What templates may read: the event, and what it says of its order."""
    data = fitted(data, room)
    told = {name: data.get(name, default) for name, default in SUMMARY.items()}
    return {
        "event": {
            "id": str(event.id),
            "type": event.type,
            "result": event.type.rpartition(".")[2],
            "time": event.occurred_at,
            "sequence": event.sequence,
            "version": event.version,
            "data": data,
        },
        "order": {"order_no": event.order_no, "version": event.version, **told},
    }


def _written(
    dialect: PushDialect, variables: Mapping[str, Any], parameters: Mapping[str, str]
) -> bytes:
    if dialect.body is not None:
        given = {**variables, "parameters": parameters}
        return _encoded(dialect, _filled(dialect, "template", dialect.body, given).strip())
    if dialect.written.format is BodyFormat.FORM:
        sent = {name: value for name, value in parameters.items() if value}
        return urlencode(sent, encoding=dialect.written.charset).encode()
    return _encoded(dialect, to_json(parameters))


def _filled(
    dialect: PushDialect, place: str, template: Template, variables: Mapping[str, Any]
) -> str:
    try:
        return render(template, variables)
    except FAULTS as fault:
        line = line_of(fault)
        where = f"{place}, line {line}" if line else place
        raise PushNotMade(f"{dialect.name}: {where}: {fault}") from None


def _header(dialect: PushDialect, name: str, value: str) -> str:
    value = value.strip()
    if not (value.isascii() and value.isprintable()):
        cure = "write it as {{ … | urlencode }}"
        raise PushNotMade(f"{dialect.name}: headers.{name} is no plain ASCII; {cure}")
    return value


def _encoded(dialect: PushDialect, text: str) -> bytes:
    try:
        return text.encode(dialect.written.charset)
    except UnicodeEncodeError as error:
        letter = error.object[error.start]
        raise PushNotMade(
            f"{dialect.name}: {letter!r} is not in {dialect.written.charset}"
        ) from None


def _check(written: PushShape, body: bytes) -> None:
    """A receiver must be able to read it."""
    if written.format is BodyFormat.XML:
        etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    elif written.format is BodyFormat.JSON:
        json.loads(body.decode(written.charset))
