"""The push dialects: those that come along, and those that operators write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Template

from config.documents import files_by_name, load
from config.push_checks import check, faults_of_template
from config.push_shape import BodyFormat, PushShape
from config.push_templates import environment
from config.settings import CONFIG_DIR, settings
from config.yaml_document import shown
from ordercast.contracts.subscriber import CLOUD_EVENTS, TMF641
from ordercast.domain.errors import ConfigurationError

PACKAGED = CONFIG_DIR / "pushes"


@dataclass(frozen=True)
class PushDialect:
    """A push dialect: its name, which is that of its file, what was written, its templates.

    `body` is None where the parameters are all there is.
    """

    name: str
    path: Path
    written: PushShape
    parameters: Mapping[str, Template]
    headers: Mapping[str, Template]
    body: Template | None


def push_dialects() -> Mapping[str, PushDialect]:
    """All push dialects by name, read once: the packaged, and those of ORDERCAST_PUSH_DIALECTS.

    One of the operator's own takes the place of a packaged one of the same name. Raises
    ConfigurationError, which tells every fault of a file with its line and cure.
    """
    return push_dialects_with(settings().push_dialects)


@cache
def push_dialects_with(own: str) -> Mapping[str, PushDialect]:
    """The packaged push dialects, and those in a directory of the operator's own, if named."""
    return load_push_dialects([PACKAGED, *([Path(own)] if own else [])])


def load_push_dialects(directories: Iterable[Path]) -> Mapping[str, PushDialect]:
    """The push dialects in directories, later ones in place of earlier ones of the same name."""
    files = files_by_name(directories, "ORDERCAST_PUSH_DIALECTS")
    return {name: load_push_dialect(path) for name, path in files.items()}


def load_push_dialect(path: Path) -> PushDialect:
    """The push dialect in a file and the `.j2` beside it; ConfigurationError tells the faults."""
    if path.stem in (CLOUD_EVENTS, TMF641):
        problem = f"`{path.stem}` is a body of Ordercast's own"
        raise ConfigurationError(shown(path), problem, "call the file otherwise")
    written = load(path, PushShape, checks=check)
    source = _source(path, written)
    texts = environment(written.format, written.charset, is_body=False)
    bodies = environment(written.format, written.charset, is_body=True)
    return PushDialect(
        path.stem,
        path,
        written,
        {name: texts.from_string(each) for name, each in written.parameters.items()},
        {name: texts.from_string(each) for name, each in written.headers.items()},
        None if source is None else bodies.from_string(source),
    )


def _source(path: Path, written: PushShape) -> str | None:
    """The template of the body, from the file or from beside it; a form has none."""
    beside = path.with_suffix(".j2")
    if not beside.exists():
        if written.template is None and written.format is BodyFormat.XML:
            cure = f"write it under `template:`, or into {shown(beside)}"
            raise ConfigurationError(shown(path), "there is no template of the body", cure)
        if written.template is None and not written.parameters:
            cure = "list `parameters:`, or write a `template:`"
            raise ConfigurationError(shown(path), "there is nothing to send", cure)
        return written.template
    if written.template is not None or written.format is BodyFormat.FORM:
        problem = "is not used: " + (
            "a form has none"
            if written.template is None
            else f"there is a template in {path.name} too"
        )
        raise ConfigurationError(shown(beside), problem, "keep one of them")
    return _read(beside, written)


def _read(beside: Path, written: PushShape) -> str:
    try:
        source = beside.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        raise ConfigurationError(shown(beside), problem, "save it as UTF-8") from None
    faults = [
        ConfigurationError(f"{shown(beside)}:{line}", problem, cure)
        for line, problem, cure in faults_of_template(written, source)
    ]
    if faults:
        first, *others = faults
        raise ConfigurationError(first.where, first.problem, first.cure, also=others)
    return source
