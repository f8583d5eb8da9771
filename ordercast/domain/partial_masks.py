"""Partial masks: numbers, cards and names that a reader may recognise, and no more.

`13812345678` becomes `138****5678`, `89860012345678901234` `898600**********1234`, `张三` `张*`.
What is secret altogether is `***` before: see `masking`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from ordercast.domain.masking import plain_name

STAR = "*"
Hide = Callable[[str], str]


class Masking(StrEnum):
    """What may be shown in part."""

    MSISDN = "msisdn"
    ICCID = "iccid"
    NAME = "name"


_COUNTRY = re.compile(r"(?:\+|00)?86(?=1[\d*]{10}$|1[\d*]{12}$)")
_MSISDN = re.compile(
    r"(?<![\w*])(?:(?:\+|00)?86[ -]?)?1(?:[3-9]\d[ -]?\d{4}[ -]?\d{4}|(?:4\d|06)\d{10})(?![\w*])",
    re.ASCII,
)
_ICCID = re.compile(r"(?<![\w*])89\d{4}[0-9A-Za-z]{13,14}(?![\w*])", re.ASCII)
"""Numbers and cards in running text: letters and digits of other scripts may stand around."""

_KEYS: Mapping[Masking, tuple[str, ...]] = {
    Masking.MSISDN: (
        *("msisdn", "phone", "phoneno", "phonenumber", "phonenum", "mobile", "mobileno"),
        *("mobilenumber", "telephone", "servicenumber", "accnbr", "accnum", "billid"),
        *("手机号", "手机号码", "手机", "电话", "电话号码", "联系电话", "业务号码", "服务号码"),
    ),
    Masking.ICCID: ("iccid", "simno", "simnumber", "simcardno", "cardno", "卡号", "sim卡号"),
    Masking.NAME: (
        *("customername", "custname", "contactname", "subscribername", "username", "ownername"),
        *("holdername", "realname", "fullname", "firstname", "lastname", "familyname"),
        *("givenname", "contactperson", "reporter", "姓名", "名字", "联系人", "机主", "户名"),
        *("客户名", "客户名称", "用户名", "用户名称"),
    ),
}
"""Ends of the plain names under which such values stand."""


class PartialMask:
    """Hides a part of what is asked for, at any depth of a document.

    Values are known by the names they stand under, as `{"msisdn": …}` or TMF641's
    `{"name": "msisdn", "value": …}`; numbers and cards also by their look in any text. `hide`
    says what becomes of each, where it is not as above.
    """

    def __init__(
        self, wanted: Iterable[Masking], hide: Mapping[Masking, Hide] | None = None
    ) -> None:
        self._wanted = [each for each in Masking if each in set(wanted)]
        self._hide = HIDE if hide is None else hide

    def __call__(self, document: Any, hide: Masking | None = None) -> Any:
        """The document with what is asked for hidden; `hide` is what all of it is."""
        if isinstance(document, Mapping):
            return self._mapping(document, hide)
        if isinstance(document, list | tuple):
            return [self(item, hide) for item in document]
        if document is None or isinstance(document, bool):
            return document
        if hide is not None:
            return self._hide[hide](str(document))
        return self._text(document) if isinstance(document, str) else document

    def _mapping(self, document: Mapping[str, Any], hide: Masking | None) -> dict[str, Any]:
        name = document.get("name")
        named = self._kind(name) if isinstance(name, str) and "value" in document else None
        return {
            key: self(value, hide or self._kind(str(key)) or (named if key == "value" else None))
            for key, value in document.items()
        }

    def _kind(self, name: str) -> Masking | None:
        kind = masking_of(name)
        return kind if kind in self._wanted else None

    def _text(self, text: str) -> str:
        if Masking.ICCID in self._wanted:
            text = _ICCID.sub(lambda found: self._hide[Masking.ICCID](found[0]), text)
        if Masking.MSISDN in self._wanted:
            text = _MSISDN.sub(lambda found: self._hide[Masking.MSISDN](found[0]), text)
        return text


def hide_msisdn(number: str) -> str:
    """Of a number, after China's country code, three digits at the front and four at the end."""
    given = number.strip()
    compact = re.sub(r"[ -]", "", given)
    country = _COUNTRY.match(compact)
    head = country[0] if country else ""
    return head + _middle(compact.removeprefix(head), 3, 4)


def hide_iccid(card: str) -> str:
    """Of a card's number the six digits of its issuer, and four at the end."""
    return _middle(card.strip(), 6, 4)


def hide_name(name: str) -> str:
    """Of every part of a name its first letter: `张*`, `J*** S****`."""
    return " ".join(_first(part) for part in name.split())


def _first(part: str) -> str:
    return part[0] + STAR * (len(part) - 1) if len(part) > 1 else STAR


def _middle(text: str, head: int, tail: int) -> str:
    """The text with stars in its middle; all stars where too little would be hidden."""
    hidden = len(text) - head - tail
    if hidden < tail:
        return STAR * len(text)
    return text[:head] + STAR * hidden + text[-tail:]


HIDE: Mapping[Masking, Hide] = {
    Masking.MSISDN: hide_msisdn,
    Masking.ICCID: hide_iccid,
    Masking.NAME: hide_name,
}


@lru_cache(4096)
def masking_of(name: str) -> Masking | None:
    """What a value under that name is, if it may be shown only in part."""
    plain = plain_name(name)
    return next((kind for kind, ends in _KEYS.items() if plain.endswith(ends)), None)
