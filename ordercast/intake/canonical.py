"""One spelling for each document, and where two documents differ."""

import json
from collections.abc import Iterator
from typing import Any


def canonical_json(document: Any) -> bytes:
    """The document as JSON with sorted keys and no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def differences(before: Any, after: Any, where: str = "") -> Iterator[str]:
    """The paths at which two documents differ; never their values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            place = f"{where}.{key}" if where else str(key)
            yield from differences(before.get(key), after.get(key), place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield where or "body"
