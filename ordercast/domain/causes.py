"""The shape of a reason: its words without what differs from order to order.

Reasons of one shape have one cause. Codes, statuses and hosts stay: they tell causes apart.
"""

import re

LONGEST = 200
LEFT_OUT = "…"

AWAY_JUST_NOW = re.compile(r"^the \w+ was away just now: ")
"""Orders park with it in front of the reason that the first of them met with."""

VARYING = re.compile(
    r"""
      \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b  # UUID
    | \b(?:ord|wo|msg|sub|cmd)-[\w-]+(?::\d+)?                          # our own numbers
    | \b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?
    | \b0x[0-9a-f]+\b
    | \b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b                                   # checksums, trace ids
    | \+?\d{5,}(?:\.\d+)?                                                # numbers, cards, counters
    | \b\d+\.\d+(?!\.?\d)(?=\ ?(?:m?s|seconds?|minutes?|hours?)\b)       # durations
    | (?<=\bline\ )\d+
    """,
    re.VERBOSE | re.IGNORECASE,
)


def shape_of(reason: str | None) -> str:
    """The reason without numbers of orders and cards, times and ids; at most 200 characters."""
    said = " ".join((reason or "").split())
    said = AWAY_JUST_NOW.sub("", said)
    return VARYING.sub(LEFT_OUT, said)[:LONGEST].rstrip()


def cause_of(code: str | None, text: str | None) -> str:
    """Why a work order failed: its code, or else the shape of its text; empty without either."""
    return (code or "").strip()[:LONGEST] or shape_of(text)
