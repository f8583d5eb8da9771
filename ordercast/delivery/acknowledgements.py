"""Acknowledgement rules: many partners answer 200 and say in the body whether they took it."""

import json
from typing import Any, assert_never

from ordercast.contracts.subscriber import Acknowledgement
from ordercast.delivery.verdicts import Reason

BUSY_CODES = frozenset({-1, 45009, 130101, 11232})
"""Codes that ask for patience: WeChat's system busy, and the rate limits of WeCom, DingTalk
and Feishu."""


def acknowledged(rule: Acknowledgement, body: str) -> Reason:
    """What the body of a 2xx answer means under a rule."""
    match rule:
        case Acknowledgement.STATUS:
            return Reason.ACKNOWLEDGED
        case Acknowledgement.ERRCODE_ZERO:
            return _by_code(body, "errcode")
        case Acknowledgement.CODE_ZERO:
            return _by_code(body, "code")
        case Acknowledgement.BODY_SUCCESS:
            said = body.strip().strip('"').casefold()
            return Reason.ACKNOWLEDGED if said == "success" else Reason.NOT_ACKNOWLEDGED
    assert_never(rule)


def _by_code(body: str, name: str) -> Reason:
    code = _number(_field(body, name))
    if code is None:
        return Reason.NOT_ACKNOWLEDGED
    if code == 0:
        return Reason.ACKNOWLEDGED
    return Reason.BUSINESS_BUSY if code in BUSY_CODES else Reason.BUSINESS_REFUSED


def _field(body: str, name: str) -> Any:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document.get(name) if isinstance(document, dict) else None


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None
