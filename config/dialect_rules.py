"""The shape of rules in a dialect file: where values come from, and what is made of them."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.catalog_shape import Pattern, Text
from config.documents import OneOrMany, Shape, fault

SECONDS, MILLISECONDS = "seconds", "milliseconds"
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


def zone(written: str) -> tzinfo:
    """A time zone by its name, like Asia/Shanghai, or as an offset, like +08:00."""
    found = _OFFSET.fullmatch(written)
    if found:
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset)
    return UTC if written == "UTC" else ZoneInfo(written)


def _zone(written: str) -> str:
    try:
        zone(written)
    except (ValueError, LookupError, OSError):
        raise fault("is no time zone", "write it like +08:00 or Asia/Shanghai") from None
    return written


def _date_format(written: str) -> str:
    example = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    try:
        is_one = written in (SECONDS, MILLISECONDS) or bool(
            "%" in written and datetime.strptime(example.strftime(written), written)  # noqa: DTZ007
        )
    except (ValueError, re.error):
        is_one = False
    if not is_one:
        cure = f"write it like '%Y%m%d%H%M%S', or {SECONDS} or {MILLISECONDS} since 1970"
        raise fault("is no form of a date", cure)
    return written


def _path_only(written: Any) -> Any:
    """What is a text, or a list of texts, is a path."""
    is_path = isinstance(written, str) or (
        isinstance(written, list) and all(isinstance(each, str) for each in written)
    )
    return {"path": written} if is_path else written


Zone = Annotated[str, AfterValidator(_zone)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
DateFormats = Annotated[
    list[DateFormat], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]
Level = Literal["message", "order", "line", "holder"]


class PathShape(Shape):
    """Anything of a dialect that holds paths; `PATHS` names the fields that do."""

    PATHS: ClassVar[tuple[str, ...]] = ()


class Rule(PathShape):
    """Where a value comes from, and what is made of it. A text by itself is a path."""

    PATHS = ("path",)

    path: OneOrMany = Field(default=[], description="a path, or several: the first with a value")
    constant: Text | None = Field(default=None, description="a text that never changes")
    join: list["Rule"] = Field(default=[], description="the parts to put one after the other")
    between: str = Field(default="", description="what stands between the parts of `join`")
    of: Level | None = Field(
        default=None, description="message, order, line or holder: where the path begins"
    )
    split: Text | None = Field(default=None, description="what separates several values in a text")
    match: Pattern | None = Field(
        default=None, description="a regular expression; its first group, or all, is the value"
    )
    values: dict[str, str | None] | None = Field(
        default=None, description="ours for each of the partner's values; '*' for all others"
    )
    date: DateFormats | None = Field(default=None, description="the form of a date: '%Y%m%d'")
    zone: Zone | None = Field(default=None, description="the date's time zone: +08:00")
    type: Literal["text", "number", "boolean"] | None = Field(
        default=None, description="text, number or boolean"
    )
    default: str | None = Field(default=None, description="what holds where there is no value")
    required: bool = Field(default=False, description="true if there must be a value")
    sensitive: bool = Field(default=False, description="true if readers may see only ***")

    @cached_property
    def changes_nothing(self) -> bool:
        """Whether it only finds a value, and makes nothing else of it."""
        return self.model_fields_set <= {"path", "of", "default", "required", "sensitive"}

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, written: Any) -> Any:
        return _path_only(written)

    @model_validator(mode="after")
    def _has_one_source(self) -> "Rule":
        sources = sum(map(bool, (self.path, self.constant, self.join)))
        if sources > 1:
            raise fault("has several sources", "keep one of `path`, `constant`, `join`")
        if not sources:
            raise fault("has no source", "give `path`, `constant` or `join`")
        return self


class Each(PathShape):
    """What is repeated: each element, object or row that a path selects."""

    PATHS = ("path",)

    path: OneOrMany = Field(min_length=1, description="the path to what is repeated")
    of: Level | None = Field(
        default=None, description="message, order, line or holder: where the path begins"
    )
    split: Text | None = Field(default=None, description="what separates several in one text")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, written: Any) -> Any:
        return _path_only(written)


class Taken(PathShape):
    """Many values at once: a list of name/value pairs, or all the fields of something."""

    PATHS = ("fields",)

    pairs: Each | None = Field(default=None, description="the path to each name/value pair")
    name: Rule | None = Field(default=None, description="where a pair has its name")
    value: Rule | None = Field(default=None, description="where a pair has its value")
    fields: str | None = Field(default=None, description="the path to what is taken over whole")
    of: Level | None = Field(
        default=None, description="message, order, line or holder: where `fields` begins"
    )
    names: dict[str, Text] = Field(default={}, description="our name for the partner's")
    only: OneOrMany = Field(default=[], description="the partner's names to take")
    leave_out: OneOrMany = Field(default=[], description="the partner's names not to take")

    @model_validator(mode="after")
    def _takes_one_kind(self) -> "Taken":
        if bool(self.pairs) == bool(self.fields):
            raise fault("needs either `pairs` or `fields`", "give one of the two")
        return self
