"""What a platform answered or failed to answer, in words for the operator."""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

MOST_WORDS = 300

FAULTS: tuple[tuple[type[httpx.RequestError], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.PoolTimeout, "no connection was free in time"),
    (httpx.WriteTimeout, "it did not take the order in time"),
    (httpx.TimeoutException, "no answer in time"),
    (httpx.ProxyError, "the proxy on the way failed"),
    (httpx.ConnectError, "no connection"),
    (httpx.DecodingError, "its answer could not be read"),
    (httpx.RequestError, "the connection broke"),
)


def retry_after_seconds(value: str) -> float:
    """The wait that a Retry-After header asks for; 0 where it asks for none or is malformed.

    Source: RFC 9110, 10.2.3: seconds, or an HTTP date.
    """
    if re.fullmatch(r"\s*\d{1,9}\s*", value, re.ASCII):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return 0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - datetime.now(UTC)).total_seconds(), 0)


def in_words(error: httpx.RequestError, timeout_seconds: float) -> str:
    """What went wrong with a try that was given `timeout_seconds`."""
    words = next(words for kind, words in FAULTS if isinstance(error, kind))
    if isinstance(error, httpx.TimeoutException):
        return f"{words} ({timeout_seconds:.3g} s)"
    return f"{words}: {error}" if str(error) else words


def words_of(text: str) -> str:
    """The platform's own words: reason and message of its JSON, else how its text begins."""
    words = " ".join((_told(text) or text).split())
    return words[:MOST_WORDS] or "no words"


def _told(text: str) -> str:
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(body, dict):
        return ""
    said = [body.get(name) for name in ("reason", "message")]
    return ": ".join(words for words in said if isinstance(words, str) and words.strip())
