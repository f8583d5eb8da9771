"""The desk's languages: English stands in templates and code, the others in files of words."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from starlette.requests import Request

from ordercast.domain.said import Said

LANGUAGES = {"en": "English", "zh": "中文"}
"""Each language by its code, as those who speak it call it."""

WORDS = Path(__file__).parent / "words"
COOKIE = "ordercast_language"


class Words:
    """Says the texts of the desk in one language; what it does not know it says in English."""

    def __init__(self, language: str, known: Mapping[str, str]) -> None:
        self.language, self._known = language, known

    def __call__(self, text: str, /, **given: Any) -> str:
        if isinstance(text, Said):
            given = {name: self._filling(each) for name, each in text.given.items()}
            text = text.pattern
        said = self._known.get(text, text)
        return said.format(**given) if given else said

    def _filling(self, given: Any) -> Any:
        return self(given) if isinstance(given, Said) else given


def english(text: str) -> str:
    """A text that is translated where it is shown; marks it for the test of the words."""
    return text


@cache
def words_of(language: str) -> Words:
    """The words of a language."""
    return Words(language, words_in(language))


def words_in(language: str) -> dict[str, str]:
    """Every English text with what it is in a language."""
    known: dict[str, str] = {}
    for file in sorted((WORDS / language).glob("*.yaml")):
        known |= yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return known


def language_of(request: Request, chosen: str | None = None) -> str:
    """The language that was chosen, here or before, else the first known that a browser wants."""
    for language in (chosen, request.cookies.get(COOKIE)):
        if language in LANGUAGES:
            return language
    return _wanted(request.headers.get("accept-language", ""))


def _wanted(header: str) -> str:
    """Source: RFC 9110, Accept-Language; `zh-CN` asks for `zh`."""
    asked: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            asked.append((_weight(weight), language))
    best = max(asked, key=lambda each: each[0], default=(1.0, "en"))
    return best[1] if best[0] > 0 else "en"


def _weight(written: str) -> float:
    try:
        return float(written.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0
