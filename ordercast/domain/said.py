"""Texts that are said to people in English, and can be said anew in another language."""

from typing import Any, Self


class Said(str):
    """An English text that remembers what it was made of.

    `pattern` is the text with named places, `given` what fills them; a filling that is
    itself Said is said anew too.
    """

    pattern: str
    given: dict[str, Any]

    def __new__(cls, pattern: str, /, **given: Any) -> Self:
        said = super().__new__(cls, pattern.format(**given) if given else pattern)
        said.pattern, said.given = pattern, given
        return said
