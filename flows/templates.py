"""The templates of artifacts: Markdown and SVG, in config/templates."""

from datetime import datetime
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from config.settings import CONFIG_DIR


@cache
def template(name: str) -> Template:
    """The template of that file name; `utc` and `long` show times, `cell` keeps tables whole."""
    environment = Environment(
        loader=FileSystemLoader(CONFIG_DIR / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (Markdown, which Prefect sanitises)
    )
    environment.filters["utc"] = utc
    environment.filters["cell"] = _cell
    environment.filters["long"] = _long
    return environment.get_template(name)


@cache
def picture(name: str) -> Template:
    """The template of an SVG picture, in which text is escaped."""
    return Environment(
        loader=FileSystemLoader(CONFIG_DIR / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
    ).get_template(name)


def _long(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "not yet"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
