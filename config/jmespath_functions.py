"""Functions that paths of JSON dialects may use beside those of JMESPath."""

import json
from typing import Any

from jmespath import functions

from ordercast.contracts.nesting import is_deeper

_TEXT: Any = {"types": ["string"]}
_OBJECT: Any = {"types": ["object"]}
_ANY: Any = {"types": []}


class DialectFunctions(functions.Functions):
    """JMESPath's own functions, and a few for what partners write."""

    @functions.signature(_OBJECT)
    def _func_entries(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """An object as a list of `{"key": …, "value": …}`."""
        return [{"key": key, "value": value} for key, value in given.items()]

    @functions.signature(_TEXT, _TEXT)
    def _func_split(self, text: str, separator: str) -> list[str]:
        return [part.strip() for part in text.split(separator)]

    @functions.signature(_TEXT)
    def _func_lower(self, text: str) -> str:
        return text.lower()

    @functions.signature(_TEXT)
    def _func_upper(self, text: str) -> str:
        return text.upper()

    @functions.signature(_TEXT)
    def _func_trim(self, text: str) -> str:
        return text.strip()

    @functions.signature(_ANY)
    def _func_parse_json(self, text: Any) -> Any:
        """The value that a text holds as JSON; null if it holds none."""
        try:
            value = json.loads(text)
        except (TypeError, ValueError, RecursionError):
            return None
        return None if is_deeper(value) else value
