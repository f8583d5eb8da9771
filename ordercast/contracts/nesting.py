"""How deep a message may be nested."""

from typing import Any

MOST_LEVELS = 64
"""How deep arrays and objects may stand in one another; all that reads a message copes with it."""


def is_deeper(value: Any, levels: int = MOST_LEVELS) -> bool:
    """Whether arrays and objects stand in one another more than so many levels deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, dict | list)
        ]
    return bool(level)
