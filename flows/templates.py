"""The templates of artifacts: Markdown, in config/templates."""

from datetime import datetime
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from config.settings import CONFIG_DIR


@cache
def template(name: str) -> Template:
    """The template of that file name; `utc` shows times, `cell` keeps tables whole."""
    environment = Environment(
        loader=FileSystemLoader(CONFIG_DIR / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (Markdown, which Prefect sanitises)
    )
    environment.filters["utc"] = utc
    environment.filters["cell"] = _cell
    return environment.get_template(name)


def utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "not yet"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
