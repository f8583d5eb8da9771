"""Seeking: what somebody who types into the search box may mean."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ordercast.domain.identities import Identity, normal

_ORDER_NO = re.compile(r"(?:ord-)?(\d{8}-[a-z0-9]{0,6})", re.ASCII)
_BEGINNING = re.compile(r"ord-[0-9a-z-]{0,15}", re.ASCII)
_WORK_ORDER = re.compile(r"wo-(\d{8}-[a-z0-9]{6})-\d+-\d+", re.ASCII)


@dataclass(frozen=True)
class Sought:
    """What a text may mean: the beginning of an order number, an agent's id, an identity."""

    external_id: str
    order_no_begins: str | None = None
    identities: tuple[tuple[Identity, str], ...] = ()


def understand(text: str) -> Sought | None:
    """What a typed text may mean; None if there is nothing to look for.

    Case, width and separators do not matter, but to an agent's own id. The id of a work order
    means its order.
    """
    typed = text.strip()
    if not typed:
        return None
    folded = unicodedata.normalize("NFKC", typed).casefold()
    return Sought(typed, _beginning(folded), tuple(_identities(typed)))


def _beginning(folded: str) -> str | None:
    if found := _WORK_ORDER.fullmatch(folded) or _ORDER_NO.fullmatch(folded):
        return f"ord-{found[1]}"
    return folded if _BEGINNING.fullmatch(folded) else None


def _identities(typed: str) -> Iterator[tuple[Identity, str]]:
    for identity in Identity:
        if spelled := normal(identity, typed):
            yield identity, spelled
