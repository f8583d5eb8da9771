"""The artifact of an order: what an operator reads in the Prefect UI, one for each order."""

from prefect.artifacts import create_markdown_artifact

from config.settings import settings
from flows.templates import template
from ordercast.store.engine import database
from ordercast.store.overview import overview

LIMIT = 100
"""The most rows of a table; beyond it only the count is told."""


def publish_artifact(order_no: str) -> None:
    """Write how the order stands: one API call, whatever its size."""
    with database().read() as session:
        facts = overview(session, order_no, limit=LIMIT)
        text = template("order.md.j2").render(
            facts, limit=LIMIT, gateway_url=settings().gateway_url
        )
    create_markdown_artifact(text, key=order_no, description=facts["order"].title)
