"""The dialects of partners, from the files that come along and those that operators write."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from config.dialect_checks import check, paths
from config.dialect_paths import Path as DialectPath
from config.dialect_paths import compile_path
from config.dialect_shape import DialectShape, Format
from config.documents import files_by_name, load
from config.settings import CONFIG_DIR, settings
from config.yaml_document import shown
from ordercast.domain.errors import ConfigurationError

PACKAGED = CONFIG_DIR / "dialects"

OWN_FORMS = "tmf641"
"""The name that asks for Ordercast's own forms, whatever dialect would fit."""


@dataclass(frozen=True)
class Dialect:
    """A dialect: its name, which is that of its file, what was written, and its paths."""

    name: str
    path: Path
    written: DialectShape
    paths: Mapping[str, DialectPath]

    @property
    def format(self) -> Format:
        return self.written.format


def dialects() -> Mapping[str, Dialect]:
    """All dialects by name, read once: those packaged, and those that `ORDERCAST_DIALECTS` adds.

    One of the operator's own takes the place of a packaged one of the same name. Raises
    ConfigurationError, which tells every fault of a file with its line and cure.
    """
    return dialects_with(settings().dialects)


@cache
def dialects_with(own: str) -> Mapping[str, Dialect]:
    """The packaged dialects, and those in a directory of the operator's own, if one is named."""
    return load_dialects([PACKAGED, *([Path(own)] if own else [])])


def load_dialects(directories: Iterable[Path]) -> Mapping[str, Dialect]:
    """The dialects in directories, later ones in place of earlier ones of the same name."""
    files = files_by_name(directories, "ORDERCAST_DIALECTS")
    loaded = {name: load_dialect(path) for name, path in files.items()}
    for fault in _taken_twice(loaded):
        raise fault
    return loaded


def load_dialect(path: Path) -> Dialect:
    """The dialect in a file; ConfigurationError tells every fault with its line and cure."""
    if path.stem == OWN_FORMS:
        cure = "call the file otherwise"
        raise ConfigurationError(shown(path), f"`{OWN_FORMS}` means Ordercast's own forms", cure)
    written = load(path, DialectShape, checks=check)
    compiled = {
        text: compile_path(written.format, text, written.namespaces)
        for text in dict.fromkeys([*(text for _, text in paths(written)), *IMPLIED[written.format]])
    }
    return Dialect(path.stem, path, written, compiled)


IMPLIED: Mapping[Format, tuple[str, ...]] = {
    Format.JSON: ("name", "value", "@"),
    Format.XML: ("@name", ".", "*"),
    Format.CSV: (".",),
}
"""Paths that hold where a dialect leaves them out."""


def _taken_twice(loaded: Mapping[str, Dialect]) -> Iterator[ConfigurationError]:
    """An agent or queue that two dialects of one format take without looking at the content."""
    owners: dict[tuple[Format, str, str], str] = {}
    for dialect in loaded.values():
        when = dialect.written.when
        if when.content:
            continue
        named = [("agent", each) for each in when.agents]
        named += [("queue", each) for each in when.queues]
        for kind, each in named:
            owner = owners.setdefault((dialect.format, kind, each), dialect.name)
            if owner != dialect.name:
                problem = f"{kind} {each!r} has the dialect {owner} already"
                cure = "take it out of one of them, or tell them apart by `content:`"
                yield ConfigurationError(shown(dialect.path), problem, cure)
