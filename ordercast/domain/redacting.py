"""Redaction: numbers and cards of which a reader may recognise his own, and no more."""

from collections.abc import Mapping
from typing import Any

from ordercast.domain.masking import MASKED, plain_name

IDENTIFIERS = ("msisdn", "iccid", "imsi", "imei", "eid")
"""The characteristics that say which number, card or device a line is about."""

KEPT_BEFORE, KEPT_BEHIND = 3, 4
SHORTEST = 10
"""Of a shorter value more than two thirds would be told: it is hidden as a whole."""


def identifiers(characteristics: Mapping[str, Any]) -> dict[str, str]:
    """The identifiers among the characteristics of a line, each partly masked."""
    found = {plain_name(name): value for name, value in characteristics.items()}
    return {name: partly(found[name]) for name in IDENTIFIERS if found.get(name) is not None}


def partly(value: Any) -> str:
    """The first 3 and the last 4 characters of a value; `***` for a short or a hidden one."""
    text = str(value)
    if len(text) < SHORTEST:
        return MASKED
    return f"{text[:KEPT_BEFORE]}{MASKED}{text[-KEPT_BEHIND:]}"
