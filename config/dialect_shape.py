"""The shape of a dialect file: how a partner's message becomes orders."""

import codecs
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.catalog_shape import Pattern, Text
from config.documents import OneOrMany, Shape, fault

ENCODINGS = {
    name: "gb18030" if name in ("gbk", "gb2312") else name
    for name in (
        *("utf-8", "utf-16", "gbk", "gb2312", "gb18030", "big5", "us-ascii", "iso-8859-1"),
        *("iso-8859-15", "windows-1252", "windows-1251", "shift_jis", "euc-jp", "euc-kr"),
    )
}
"""What messages may be encoded in, and what reads it: GB 18030 reads all that GBK has."""

SECONDS, MILLISECONDS = "seconds", "milliseconds"
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


class Format(StrEnum):
    """What a partner's messages are written in."""

    JSON = "json"
    XML = "xml"
    CSV = "csv"


def _encoding(written: str) -> str:
    known = ENCODINGS.get(written.lower())
    if known is None:
        raise fault("is no encoding that is read here", f"use one of: {', '.join(ENCODINGS)}")
    return codecs.lookup(known).name


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


def _delimiter(written: str) -> str:
    character = {"tab": "\t", "\\t": "\t"}.get(written, written)
    if len(character) != 1 or character in '"\r\n':
        raise fault("is not one character", "give one, like ';', or `tab`")
    return character


def _path_only(written: Any) -> Any:
    """What is a text, or a list of texts, is a path."""
    is_path = isinstance(written, str) or (
        isinstance(written, list) and all(isinstance(each, str) for each in written)
    )
    return {"path": written} if is_path else written


def _as_list(written: Any) -> Any:
    return [written] if isinstance(written, dict) else written


Zone = Annotated[str, AfterValidator(_zone)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
DateFormats = Annotated[
    list[DateFormat], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]
Level = Literal["message", "order", "line"]


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
        default=None, description="message, order or line: where the path begins"
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
        default=None, description="message, order or line: where the path begins"
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
        default=None, description="message, order or line: where `fields` begins"
    )
    names: dict[str, Text] = Field(default={}, description="our name for the partner's")
    only: OneOrMany = Field(default=[], description="the partner's names to take")
    leave_out: OneOrMany = Field(default=[], description="the partner's names not to take")

    @model_validator(mode="after")
    def _takes_one_kind(self) -> "Taken":
        if bool(self.pairs) == bool(self.fields):
            raise fault("needs either `pairs` or `fields`", "give one of the two")
        return self


Many = Annotated[list[Taken], BeforeValidator(_as_list)]
Values = dict[Text, Rule]


class Block(PathShape):
    """Something that is repeated in a message."""

    PATHS = ("group_by",)

    each: Each | None = Field(default=None, description="the path to each of them")
    where: dict[Text, OneOrMany] = Field(
        default={}, description="for a path the values that it must have one of"
    )
    group_by: OneOrMany = Field(
        default=[], description="paths whose values are alike in all that belong together"
    )


class WorkOrdersShape(Block):
    """Commands of a line, each of which becomes a work order."""

    name: Rule = Field(description="what is to be done: a path, or `constant`")
    id: Rule | None = Field(default=None, description="what other commands call this one by")
    system: Rule | None = Field(default=None, description="the system that does it")
    team: Rule | None = Field(default=None, description="the team whose people do it")
    after: Rule | None = Field(default=None, description="ids or names of those that come before")
    step: Rule | None = Field(default=None, description="a number: lower ones come before")
    sequence: bool = Field(default=False, description="true if each comes after the one before")
    parameters: Values = Field(default={}, description="each parameter's name and its path")
    parameters_from: Many = Field(default=[], description="`pairs` or `fields` to take over")


class LinesShape(Block):
    """Lines of an order."""

    id: Rule | None = Field(default=None, description="the partner's own id of the line")
    product: Rule = Field(description="what names the product: a path, or `constant`")
    action: Rule = Field(description="what names the action, with `values` to ours")
    characteristics: Values = Field(default={}, description="each characteristic and its path")
    characteristics_from: Many = Field(default=[], description="`pairs` or `fields` to take over")
    work_orders: Annotated[list[WorkOrdersShape], BeforeValidator(_as_list)] = Field(
        default=[], description="the commands of the line, each with its name"
    )


class OrderShape(Block):
    """Orders of a message."""

    external_id: Rule | None = Field(default=None, description="the partner's number of the order")
    agent: Rule | None = Field(default=None, description="who sells")
    channel: Rule | None = Field(default=None, description="agent, public, internet or iot")
    category: Rule | None = Field(default=None, description="the kind of order")
    description: Rule | None = Field(default=None, description="a text about the order")
    priority: Rule | None = Field(default=None, description="0 to 4, or high, normal, low")
    requested_start: Rule | None = Field(default=None, description="when work shall begin")
    requested_completion: Rule | None = Field(default=None, description="when it shall be done")
    note: Rule | None = Field(default=None, description="remarks")
    parties: Values = Field(default={}, description="others by their role, each with its path")
    lines: Annotated[list[LinesShape], BeforeValidator(_as_list)] = Field(
        min_length=1, description="the lines of the order, with product and action"
    )


class WhenShape(PathShape):
    """Which messages are in this dialect; a message needs to fit one of these."""

    PATHS = ("content",)

    agents: OneOrMany = Field(default=[], description="agents, like huaxin or huaxin-*")
    queues: OneOrMany = Field(default=[], description="queues, like orders.huaxin")
    content: OneOrMany = Field(default=[], description="paths that all must find something")


class DatesShape(Shape):
    """How the partner writes dates, unless a rule says otherwise."""

    format: DateFormats = Field(default=[], description="their form: '%Y%m%d%H%M%S'")
    zone: Zone = Field(default="UTC", description="their time zone: +08:00 or Asia/Shanghai")


class CsvShape(Shape):
    """What the partner's CSV looks like."""

    delimiter: Annotated[str, AfterValidator(_delimiter)] = Field(
        default=",", description="what separates cells: ';' or tab"
    )
    columns: OneOrMany = Field(default=[], description="the columns, where there is no header")
    skip_lines: int = Field(default=0, ge=0, description="lines before the header")


class DialectShape(PathShape):
    """The whole file."""

    PATHS = ("sensitive", "embedded")

    format: Format = Field(description="json, xml or csv")
    description: str = Field(default="", description="whose messages these are, in a few words")
    when: WhenShape = Field(default=WhenShape(), description="agents, queues or content")
    encoding: Annotated[str, AfterValidator(_encoding)] | None = Field(
        default=None, description="utf-8, gbk …"
    )
    namespaces: dict[Text, Text] = Field(default={}, description="a URI for each prefix in paths")
    ignore_namespaces: bool = Field(
        default=False, description="true if paths are written without prefixes"
    )
    embedded: OneOrMany = Field(default=[], description="paths to texts that hold JSON or XML")
    sensitive: OneOrMany = Field(default=[], description="paths to what only the archive may keep")
    empty: OneOrMany = Field(default=[], description="texts that mean: no value")
    dates: DatesShape = Field(default=DatesShape(), description="format and zone of dates")
    csv: CsvShape = Field(default=CsvShape(), description="delimiter, columns, skip_lines")
    order: OrderShape = Field(description="how an order is found in the message")
