"""The sandbox of push templates: they read what they are given, and little of it at a time.

There are no loops without end, no macros, no other files, and nothing that makes much of
little: what a template costs is bounded by `MOST_STEPS` and `MOST_CHARACTERS`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, cast

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2 import pass_context as with_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from config.dialect_rules import zone
from config.push_shape import BodyFormat, Charset

MOST_CHARACTERS = 20_000
MOST_STEPS = 10_000
"""Steps of all loops of one rendering together."""

FAULTS = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)
"""What a template that does not fit its data raises."""

_STEPS, _SHORT = "_steps", "_short"
_PLACE = "<template>"
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_METHODS = frozenset({"items", "keys", "values", "get", "upper", "lower", "strip", "startswith"})
_FILTERS = frozenset(
    (
        *("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int"),
        *("items", "join", "last", "length", "lower", "max", "min", "round", "sort", "string"),
        *("trim", "truncate", "unique", "upper", "urlencode"),
    )
)
_FORBIDDEN = {
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.Block: "block",
    nodes.Extends: "extends",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from",
    nodes.AssignBlock: "set … endset",
    nodes.FilterBlock: "filter",
    nodes.With: "with",
    nodes.ScopedEvalContextModifier: "autoescape",
}


class PushEnvironment(ImmutableSandboxedEnvironment):
    """Templates for bodies in one format and charset; `finalize` makes values fit for it.

    Parameters and headers are texts: only in the body itself they are escaped.
    """

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, format: BodyFormat, charset: Charset, *, is_body: bool) -> None:
        is_xml = format is BodyFormat.XML
        super().__init__(
            undefined=StrictUndefined,
            autoescape=is_xml and is_body,
            finalize=_fit_for(charset, is_xml=is_xml),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters |= {"tojson": to_json, "date": date, "replace": replace}
        self.filters |= {_STEPS: _counted, _SHORT: _short}
        if is_xml and is_body:
            self.filters["cdata"] = cdata

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for node in tree.find_all(tuple(_FORBIDDEN)):
            raise TemplateSyntaxError(f"{_FORBIDDEN[type(node)]} may not be used", node.lineno)
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise TemplateSyntaxError("a loop may not be recursive", loop.lineno)
            loop.iter = _filtered(loop.iter, _STEPS)
        for assigned in tree.find_all(nodes.Assign):
            assigned.node = _filtered(assigned.node, _SHORT)
        return tree

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic of numbers; `*` and `%` of texts, and powers, make much of little."""
        both = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or not both:
            raise SecurityError(f"{operator} may not be used on these")
        return super().call_binop(context, operator, left, right)

    def is_safe_callable(self, obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        return isinstance(owner, dict | str) and getattr(obj, "__name__", "") in _METHODS


@cache
def environment(format: BodyFormat, charset: Charset, *, is_body: bool) -> PushEnvironment:
    """The sandbox of bodies, or of the parameters and headers that go with them."""
    return PushEnvironment(format, charset, is_body=is_body)


def render(template: Template, variables: Mapping[str, Any]) -> str:
    """The text that a template gives; one of FAULTS if it does not fit, or gives too much."""
    pieces, size = [], 0
    for piece in template.generate({**variables, _STEPS: iter(range(MOST_STEPS))}):
        size += len(piece)
        pieces.append(piece)
        if size > MOST_CHARACTERS:
            raise SecurityError(f"the text is over {MOST_CHARACTERS} characters")
    return "".join(pieces)


def line_of(fault: BaseException) -> int | None:
    """The line of the template in which a fault came up, where it can be told."""
    if isinstance(fault, TemplateSyntaxError):
        return fault.lineno
    line, trace = None, fault.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == _PLACE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def to_json(value: Any) -> str:
    """The value as JSON; what is beyond ASCII stays as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def date(value: Any, form: str = "%Y-%m-%dT%H:%M:%S%z", at: str = "UTC") -> str:
    """A moment in a form and zone: `date('%Y%m%d%H%M%S', '+08:00')`; nothing for nothing."""
    if value is None or value == "":
        return ""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(_zone(at)).strftime(form)


def replace(text: Any, old: str, new: str) -> str:
    """A text with something else in place of a part of it."""
    whole = str(text)
    if whole.count(old) * len(new) > MOST_CHARACTERS:
        raise SecurityError("replace makes too much of it")
    return whole.replace(old, new)


def cdata(value: Any) -> Markup:
    """A text as an XML CDATA section."""
    inner = str(value).replace("]]>", "]]]]><![CDATA[>")
    return Markup(f"<![CDATA[{inner}]]>")  # noqa: S704 (the end of the section is taken apart)


@with_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    """What is looped over, as long as there are steps left."""
    steps = context[_STEPS]
    for item in items:
        if next(steps, None) is None:
            raise SecurityError(f"the loops make over {MOST_STEPS} steps")
        yield item


def _short(value: Any) -> Any:
    """What is given a name; a text that doubles with every name would soon fill the memory."""
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise SecurityError(f"a text is over {MOST_CHARACTERS} characters")
    return value


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, node), name, [], [], None, None, lineno=node.lineno)


def _fit_for(charset: Charset, *, is_xml: bool):
    """Makes texts of values, with `?` for what the charset has not, before they are signed."""

    def fit(value: Any) -> str:
        text = value if isinstance(value, str) else _plain(value)
        kept = text.encode(charset, "replace").decode(charset)
        if is_xml:
            kept = _NOT_IN_XML.sub("?", kept.replace("\r\n", "\n").replace("\r", "\n"))
        return Markup(kept) if isinstance(value, Markup) else kept  # noqa: S704 (it was so before)

    return fit


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


_zone = lru_cache(zone)
