"""Identities: the numbers, cards and devices that a line is about, however they are written."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from ordercast.domain.masking import MASKED, plain_name
from ordercast.domain.partial_masks import Masking, masking_of


class Identity(StrEnum):
    """What a line can be found by."""

    MSISDN = "msisdn"
    ICCID = "iccid"
    IMSI = "imsi"
    IMEI = "imei"
    EID = "eid"


_OF_MASKING = {Masking.MSISDN: Identity.MSISDN, Masking.ICCID: Identity.ICCID}
_DEVICES = {each.value: each for each in (Identity.IMSI, Identity.IMEI, Identity.EID)}
_SHAPES = {
    Identity.MSISDN: re.compile(r"[1-9]\d{4,14}", re.ASCII),
    Identity.ICCID: re.compile(r"89[0-9a-f]{16,18}", re.ASCII),
    Identity.IMSI: re.compile(r"\d{14,15}", re.ASCII),
    Identity.IMEI: re.compile(r"\d{14,16}", re.ASCII),
    Identity.EID: re.compile(r"\d{32}", re.ASCII),
}
"""What each looks like. Source: ITU-T E.164, E.118 and E.212, 3GPP TS 23.003, GSMA SGP.02."""

_SEPARATORS = dict.fromkeys(map(ord, " \t-.()/"))
_CHINA = re.compile(r"86(?=1\d{10}$|1\d{12}$)", re.ASCII)


@lru_cache(4096)
def identity_of(name: str) -> Identity | None:
    """The identity that a characteristic of that name holds, if it holds one."""
    masking = masking_of(name)
    return _OF_MASKING.get(masking) if masking else _DEVICES.get(plain_name(name))


def normal(identity: Identity, value: Any) -> str | None:
    """One spelling for all: `+86 138-1234-5678`, `008613812345678` and `13812345678` are one.

    None if the value does not look like what it is said to be.
    """
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        text = unicodedata.normalize("NFKC", text).translate(_SEPARATORS).casefold()
    if identity is Identity.MSISDN:
        text = text.removeprefix("+").removeprefix("00")
        text = text[2:] if _CHINA.match(text) else text
    return text if _SHAPES[identity].fullmatch(text) else None


def identities(characteristics: Mapping[str, Any]) -> Iterator[tuple[Identity, str]]:
    """The identities among the characteristics of a line, in their normal spelling."""
    for name, value in characteristics.items():
        identity = identity_of(name)
        if identity and isinstance(value, str | int) and value != MASKED:
            spelled = normal(identity, value)
            if spelled:
                yield identity, spelled
