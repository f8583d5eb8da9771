"""What must hold in a push dialect beyond its shape: signatures that can be made, templates."""

import re
from collections.abc import Iterator

from jinja2 import TemplateError

from config.documents import one_of
from config.push_shape import BodyFormat, Charset, Method, PushShape, SignatureShape
from config.push_templates import environment, line_of
from config.yaml_document import Fault, Location

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_XML_ENCODING = re.compile(r"<\?xml[^>]*\bencoding=[\"']([\w-]+)[\"']")
OURS = ("webhook-id", "webhook-timestamp", "webhook-signature")
OF_THE_CONNECTION = (
    *("content-type", "content-length", "transfer-encoding", "host", "connection", "te"),
    *("upgrade", "trailer", "expect", "keep-alive", "proxy-connection"),
)
ONLY_STANDARD = ("over", "append", "encoding", "case", "field", "header", "prefix")


def check(push: PushShape) -> Iterator[Fault]:
    """Every fault in the meaning of a push dialect; its template may stand in another file."""
    yield from _body(push)
    yield from _signature(push)
    yield from _names(push)
    yield from _headers(push)
    for location, source in templates(push):
        yield from _template(push, location, source)


def templates(push: PushShape) -> Iterator[tuple[Location, str]]:
    """Every template in the file, with its place."""
    yield from ((("parameters", name), text) for name, text in push.parameters.items())
    yield from ((("headers", name), text) for name, text in push.headers.items())
    if push.template is not None:
        yield ("template",), push.template


def faults_of_template(
    push: PushShape, source: str, *, is_body: bool = True
) -> Iterator[tuple[int, str, str]]:
    """What is wrong with a template: the line in it, the problem, the cure."""
    try:
        environment(push.format, push.charset, is_body=is_body).from_string(source)
    except TemplateError as error:
        yield line_of(error) or 1, f"{error}", "mend the Jinja2 template"
        return
    if (place := _beyond(push, source)) is not None:
        line, problem = (
            source.count("\n", 0, place) + 1,
            f"{source[place]!r} is not in {push.charset}",
        )
        yield line, problem, "use other characters, or another charset"
    if is_body and push.format is BodyFormat.XML:
        yield from _faults_of_xml(push, source)


def _beyond(push: PushShape, text: str) -> int | None:
    """Where the first character stands that the charset does not have."""
    try:
        text.encode(push.charset)
    except UnicodeEncodeError as error:
        return error.start
    return None


def _faults_of_xml(push: PushShape, source: str) -> Iterator[tuple[int, str, str]]:
    found = _XML_ENCODING.match(source.lstrip())
    named = found[1].lower() if found else Charset.UTF_8.value
    if named != push.charset:
        cure = f'begin with <?xml version="1.0" encoding="{push.charset.upper()}"?>'
        yield 1, f"says that it is {named}, and the charset is {push.charset}", cure


def _template(push: PushShape, location: Location, source: str) -> Iterator[Fault]:
    is_body = location == ("template",)
    for line, problem, cure in faults_of_template(push, source, is_body=is_body):
        yield Fault(location, f"`{location[-1]}`, line {line}: {problem}", cure)


def _body(push: PushShape) -> Iterator[Fault]:
    if push.format is not BodyFormat.FORM:
        return
    if push.template is not None:
        yield Fault(("template",), "a form is made of its parameters", "drop the template")
    if not push.parameters:
        yield Fault(("format",), "a form without `parameters` is empty", "list its parameters")


def _names(push: PushShape) -> Iterator[Fault]:
    rule = push.signature
    at: dict[Location, str] = {("parameters", name): name for name in push.parameters}
    at |= {("signature", "field"): rule.field or "", ("signature", "append"): rule.appended}
    for location, text in at.items():
        if (place := _beyond(push, text)) is not None:
            cure = "use other characters, or another charset"
            yield Fault(location, f"{text[place]!r} is not in {push.charset}", cure)
    if not (rule.prefix or "").isascii():
        yield Fault(("signature", "prefix"), "is no plain ASCII", "write it so")


def _signature(push: PushShape) -> Iterator[Fault]:
    rule, at = push.signature, "signature"
    if rule.method is Method.STANDARD:
        yield from _standard(push)
        return
    if (rule.field is None) == (rule.header is None):
        cure = "name one of them: where the receiver looks for the signature"
        yield Fault((at,), "`field` or `header` it must be", cure)
    if rule.method is Method.SORTED_MD5 and rule.over == "body":
        yield Fault((at, "over"), "sorted-md5 is made of parameters", "drop it")
    if rule.is_over_body and rule.field is not None:
        cure = "use `header`, or sign `over: parameters`"
        yield Fault((at, "field"), "a signature of the body cannot stand in it", cure)
    if not rule.is_over_body and not push.parameters:
        yield Fault((at,), "there are no `parameters` to sign", "list them, with their templates")
    if rule.field in push.parameters:
        yield Fault(("parameters", rule.field), "is the signature's field", "drop it here")
    yield from _parts(rule)


def _standard(push: PushShape) -> Iterator[Fault]:
    for name in ONLY_STANDARD:
        if name in push.signature.model_fields_set:
            problem = f"`{name}` does not go with {Method.STANDARD}"
            yield Fault(("signature", name), problem, "drop it")
    if push.charset is not Charset.UTF_8:
        others = one_of([each for each in Method if each is not Method.STANDARD], "")
        problem = f"receivers verify {Method.STANDARD} in UTF-8 alone"
        yield Fault(("charset",), problem, f"sign otherwise: {others}")


def _parts(rule: SignatureShape) -> Iterator[Fault]:
    if rule.append is not None and rule.is_over_body:
        yield Fault(("signature", "append"), "nothing is appended to a body", "drop it")
    if rule.method is Method.SORTED_MD5 and "{key}" not in rule.appended:
        cure = "write it like '&key={key}'"
        yield Fault(("signature", "append"), "without {key} anybody can sign", cure)
    if rule.case is not None and rule.encoding == "base64":
        yield Fault(("signature", "case"), "base64 has no case", "drop it")
    if rule.header is not None:
        yield from _name(("signature", "header"), rule.header)


def _headers(push: PushShape) -> Iterator[Fault]:
    for name in push.headers:
        yield from _name(("headers", name), name)
        if push.signature.header is not None and name.lower() == push.signature.header.lower():
            yield Fault(("headers", name), "the signature stands there", "drop it here")


def _name(location: Location, name: str) -> Iterator[Fault]:
    if not _TOKEN.fullmatch(name):
        yield Fault(location, f"`{name}` is no name of a header", "use letters, digits and -")
    if name.lower() in (*OURS, *OF_THE_CONNECTION):
        yield Fault(location, f"`{name}` is set by Ordercast", "choose another name")
