"""The artifact of an order: what an operator reads in the Prefect UI, one for each order."""

from datetime import datetime
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from prefect.artifacts import create_markdown_artifact

from config.settings import CONFIG_DIR, settings
from ordercast.store.engine import database
from ordercast.store.overview import overview

LIMIT = 100
"""The most rows of a table; beyond it only the count is told."""


def publish_artifact(order_no: str) -> None:
    """Write how the order stands: one API call, whatever its size."""
    with database().read() as session:
        facts = overview(session, order_no, limit=LIMIT)
        text = _template().render(facts, limit=LIMIT, gateway_url=settings().gateway_url)
    create_markdown_artifact(text, key=order_no, description=facts["order"].title)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(CONFIG_DIR / "templates"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (Markdown, which Prefect sanitises)
    )
    environment.filters["utc"] = _utc
    environment.filters["cell"] = _cell
    return environment.get_template("order.md.j2")


def _utc(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "not yet"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
