"""Masking: what readers other than the archive see of sensitive characteristics."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

MASKED = "***"

SENSITIVE = "SensitiveCharacteristic"
"""The `@type` of a characteristic whose sender says that its value is a secret."""


def plain_name(name: str) -> str:
    """A characteristic's name without case, width and punctuation: `Ki`, `k_i`, `ＫＩ` are one."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


class Mask:
    """Replaces by `***` the values of sensitive names, at any depth of a document.

    Both shapes are known: a field of that name, and TMF641's `{"name": …, "value": …}`, of
    which `"@type": "SensitiveCharacteristic"` hides the value whatever the name.
    """

    def __init__(self, sensitive: Iterable[str]) -> None:
        self._names = frozenset(plain_name(name) for name in sensitive)

    def covers(self, name: str) -> bool:
        return plain_name(name) in self._names

    def __call__(self, document: Any) -> Any:
        if isinstance(document, Mapping):
            return self._mapping(document)
        if isinstance(document, list | tuple):
            return [self(item) for item in document]
        return document

    def _mapping(self, document: Mapping[str, Any]) -> dict[str, Any]:
        name = document.get("name")
        is_marked = document.get("@type") == SENSITIVE
        hides_value = is_marked or (isinstance(name, str) and self.covers(name))
        return {
            key: MASKED if self.covers(key) or (hides_value and key == "value") else self(value)
            for key, value in document.items()
        }
