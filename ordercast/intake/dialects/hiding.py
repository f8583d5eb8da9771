"""Hiding: what comes of a sensitive part of a message is found by translating it twice.

The message is translated as it came, and once more with `***` in all that the dialect marks.
What differs holds something sensitive, however it was joined, mapped or taken over.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ordercast.domain.masking import MASKED
from ordercast.intake.dialects.parts import Part

FREE_TEXT = ("description", "note", "category")
"""Attributes of an order that may be `***`; the others are needed to carry it out."""

_CURE = "have the dialect changed, so that this comes from elsewhere"


def hide(parts: Sequence[Part], twins: Sequence[Part]) -> None:
    """Mark what differs between the parts and their twins as secret."""
    for place, part in enumerate(parts):
        twin = twins[place] if len(parts) == len(twins) else None
        if twin is None:
            part.wrong(".", "is found by what the dialect marks as sensitive", _CURE)
            continue
        for name, value in part.named.items():
            if name not in twin.named or twin.named[name] != value:
                part.secret.add(name)
        _hide_attributes(part, twin)
        hide(part.parts, twin.parts)


def _hide_attributes(part: Part, twin: Part) -> None:
    for name, value in part.values.items():
        if name in part.secret or twin.values.get(name) != value:
            if name in FREE_TEXT:
                part.values[name] = [MASKED] if isinstance(value, list) else MASKED
            else:
                problem = f"the {name} comes from what the dialect marks as sensitive"
                part.wrong(".", problem, _CURE)
    for role, party in part.parties.items():
        if twin.parties.get(role) != party:
            part.parties[role] = MASKED


SHORTEST = 6
"""A secret of fewer letters is not sought elsewhere: it would be found by chance."""


def hide_again(order: Part) -> None:
    """Mark what repeats a secret of the same line, though nobody marked that place of it."""
    everywhere: list[str] = []
    for line in order.parts:
        holders = [line, *line.parts]
        secrets = [
            text
            for part in holders
            for name in part.secret & part.named.keys()
            for text in texts_in(part.named[name])
            if len(text) >= SHORTEST
        ]
        everywhere += secrets
        for part in holders if secrets else ():
            part.secret |= {name for name, value in part.named.items() if _repeats(value, secrets)}
    for name in FREE_TEXT:
        value = order.values.get(name)
        if value and _repeats(value, everywhere):
            order.values[name] = [MASKED] if isinstance(value, list) else MASKED


def _repeats(value: Any, secrets: Sequence[str]) -> bool:
    return any(secret in text for text in texts_in(value) for secret in secrets)


def texts_in(value: Any) -> Iterator[str]:
    """All texts and numbers in a value, as text."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)
    elif value is not None:
        yield str(value)
