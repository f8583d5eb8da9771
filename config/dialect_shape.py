"""The shape of a dialect file: how a partner's message becomes orders."""

import codecs
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from config.catalog_shape import Text
from config.dialect_rules import DateFormats, Each, PathShape, Rule, Taken, Zone
from config.documents import OneOrMany, Shape, fault

ENCODINGS = {
    name: "gb18030" if name in ("gbk", "gb2312") else name
    for name in (
        *("utf-8", "utf-16", "gbk", "gb2312", "gb18030", "big5", "us-ascii", "iso-8859-1"),
        *("iso-8859-15", "windows-1252", "windows-1251", "shift_jis", "euc-jp", "euc-kr"),
    )
}
"""What messages may be encoded in, and what reads it: GB 18030 reads all that GBK has."""


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


def _delimiter(written: str) -> str:
    character = {"tab": "\t", "\\t": "\t"}.get(written, written)
    if len(character) != 1 or character in '"\r\n':
        raise fault("is not one character", "give one, like ';', or `tab`")
    return character


def _as_list(written: Any) -> Any:
    return [written] if isinstance(written, dict) else written


Many = Annotated[list[Taken], BeforeValidator(_as_list)]
Values = dict[Text, Rule]


class Block(PathShape):
    """Something that is repeated in a message."""

    PATHS = ("group_by",)

    within: Each | None = Field(default=None, description="the path to what holds them")
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
