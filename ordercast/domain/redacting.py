"""Redaction: numbers and cards of which a reader may recognise his own, and no more."""

import re
from collections.abc import Mapping
from typing import Any

from ordercast.domain.masking import MASKED, plain_name

NUMBER, CARDS = "msisdn", ("iccid", "imsi", "imei", "eid")
"""The characteristics that say which number, card or device a line is about."""

COUNTRY = re.compile(r"(?:\+|00)?86(?=1\d{10}$|1\d{12}$)")
BEHIND = 4


def identifiers(characteristics: Mapping[str, Any]) -> dict[str, str]:
    """The identifiers among the characteristics of a line, each partly hidden."""
    given = {plain_name(name): value for name, value in characteristics.items()}
    found = {name: str(given[name]) for name in (NUMBER, *CARDS) if given.get(name) is not None}
    return {name: number(text) if name == NUMBER else card(text) for name, text in found.items()}


def number(text: str) -> str:
    """Of a number, after China's country code, three digits at the front and four at the end."""
    country = COUNTRY.match(text)
    head = country[0] if country else ""
    return head + _middle(text.removeprefix(head), 3)


def card(text: str) -> str:
    """Of a card's or a device's number six characters at the front and four at the end."""
    return _middle(text, 6)


def _middle(text: str, front: int) -> str:
    """The text with stars in its middle; `***` where too little would be hidden."""
    hidden = len(text) - front - BEHIND
    return f"{text[:front]}{'*' * hidden}{text[-BEHIND:]}" if hidden >= BEHIND else MASKED
