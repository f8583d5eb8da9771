"""Erasing: what says of whom an order is, taken out of any document for good."""

from typing import Any

from ordercast.domain.masking import MASKED, Mask
from ordercast.domain.partial_masks import Masking, PartialMask

PERSONAL = (
    *("imsi", "imei", "imeisv", "eid", "suci", "supi"),
    *("address", "installation-address", "email", "e-mail", "birthday", "date-of-birth"),
    *("地址", "装机地址", "邮箱", "电子邮件", "出生日期", "生日"),
)
"""Names of characteristics that are personal, beside numbers, cards and names of people."""

_named = Mask(PERSONAL)
_shown_in_part = PartialMask(Masking, hide=dict.fromkeys(Masking, lambda _: MASKED))


def erased(document: Any) -> Any:
    """The document with `***` for all that is personal, at any depth, in running text too."""
    return _shown_in_part(_named(document))
