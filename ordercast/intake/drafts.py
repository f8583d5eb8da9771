"""A draft: an order read from a message, before it is accepted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from ordercast.contracts.service_order import ServiceOrderCreate
from ordercast.domain.errors import Problem
from ordercast.intake.canonical import canonical_json


@dataclass(frozen=True)
class Draft:
    """One order as sent: the bytes that say it, the document, and the document's meaning.

    `line` is where it begins in the file, or its place in the array, from 1.
    """

    raw: bytes
    media_type: str
    document: dict[str, Any]
    order: ServiceOrderCreate
    line: int | None = None

    @cached_property
    def content_sha256(self) -> str:
        """The same for the same content, whatever its spelling as JSON."""
        return sha256(canonical_json(self.document)).hexdigest()


@dataclass(frozen=True)
class Parsed:
    """The orders that a message holds, and what is wrong with the rest of it.

    `dialect` is the partner's dialect that the message is in, if it is in one.
    """

    drafts: Sequence[Draft] = ()
    problems: Sequence[Problem] = field(default=())
    dialect: str | None = None
