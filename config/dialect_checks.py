"""What must hold in a dialect beyond its shape: paths that can be read, names that meet."""

from collections.abc import Iterator, Sequence
from typing import Any

from config.dialect_paths import PathFault, check_can_be_hidden, compile_path
from config.dialect_rules import PathShape, Rule, Taken
from config.dialect_shape import Block, DialectShape, Format, WorkOrdersShape
from config.documents import Shape, one_of
from config.yaml_document import Fault, Location
from ordercast.domain.order import ItemAction

ONLY_FOR = {
    "namespaces": Format.XML,
    "ignore_namespaces": Format.XML,
    "csv": Format.CSV,
}
_CURES = {
    Format.JSON: "see jmespath.org; names with - or in Chinese stand in quotes: '\"order-no\"'",
    Format.XML: "mend the XPath 1.0; prefixes stand under `namespaces:`",
    Format.CSV: "give the name of a column",
}


def check(dialect: DialectShape) -> Iterator[Fault]:
    """Every fault in the meaning of a dialect."""
    yield from _of_other_formats(dialect)
    for location, path in paths(dialect):
        try:
            compile_path(dialect.format, path, dialect.namespaces)
            if location[0] == "sensitive":
                check_can_be_hidden(dialect.format, path, dialect.namespaces)
        except PathFault as error:
            yield Fault(location, f"`{path}` {error}", _CURES[dialect.format])
    yield from _levels(dialect)
    for location, part in parts(dialect):
        if isinstance(part, Taken):
            yield from _pairs_in_csv(dialect, location, part)
        if isinstance(part, WorkOrdersShape):
            yield from _order_of_work(location, part)
    for place, lines in enumerate(dialect.order.lines):
        yield from _actions(("order", "lines", place, "action"), lines.action)


def parts(shape: Shape, at: Location = ()) -> Iterator[tuple[Location, Shape]]:
    """A shape and all shapes within it, each with its place in the file."""
    yield at, shape
    for name in type(shape).model_fields:
        yield from _within(getattr(shape, name), (*at, name))


def _within(value: Any, at: Location) -> Iterator[tuple[Location, Shape]]:
    if isinstance(value, Shape):
        yield from parts(value, at)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _within(each, (*at, name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _within(each, (*at, place))


def paths(dialect: DialectShape) -> Iterator[tuple[Location, str]]:
    """Every path in a dialect, with its place in the file."""
    for location, part in parts(dialect):
        for name in part.PATHS if isinstance(part, PathShape) else ():
            yield from _listed(getattr(part, name), (*location, name))
        if isinstance(part, Block):
            yield from (((*location, "where", path), path) for path in part.where)


def _listed(written: str | Sequence[str] | None, at: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(written, str):
        yield at, written
    else:
        yield from (((*at, place), path) for place, path in enumerate(written or ()))


def _of_other_formats(dialect: DialectShape) -> Iterator[Fault]:
    for name, kind in ONLY_FOR.items():
        if name in dialect.model_fields_set and dialect.format is not kind:
            yield Fault((name,), f"`{name}` is for {kind}, and this is {dialect.format}", "drop it")


def _levels(dialect: DialectShape) -> Iterator[Fault]:
    """`of` names only what is around the place where it stands."""
    holders = [at for at, part in parts(dialect) if isinstance(part, Block) and part.within]
    for location, part in parts(dialect):
        level = getattr(part, "of", None)
        if level == "line" and "lines" not in location:
            yield Fault((*location, "of"), "there is no line here", "use message or order")
        if level == "holder" and not any(location[: len(at)] == at for at in holders):
            cure = "give the block its `within:`, or use another level"
            yield Fault((*location, "of"), "there is no holder here", cure)


def _pairs_in_csv(dialect: DialectShape, at: Location, taken: Taken) -> Iterator[Fault]:
    if dialect.format is Format.CSV and taken.pairs and not (taken.name and taken.value):
        yield Fault((*at, "pairs"), "`pairs` lack `name` or `value`", "give both, with '.' as path")


def _order_of_work(at: Location, work: WorkOrdersShape) -> Iterator[Fault]:
    ways = [name for name in ("after", "step", "sequence") if getattr(work, name)]
    if len(ways) > 1:
        told = " and ".join(f"`{name}`" for name in ways)
        yield Fault((*at, ways[1]), f"{told} both say what comes before", "keep one of them")


def _actions(at: Location, rule: Rule) -> Iterator[Fault]:
    """Actions that the file itself names must be ones that there are."""
    named = {"constant": rule.constant, "default": rule.default}
    for name, action in named.items():
        if action and action not in list(ItemAction):
            yield Fault((*at, name), f"`{action}` is no action", one_of(ItemAction, action))
    for theirs, action in (rule.values or {}).items():
        if action and action not in list(ItemAction) and (theirs, action) != ("*", "*"):
            where = (*at, "values", theirs)
            yield Fault(where, f"`{action}` is no action", one_of(ItemAction, action))
