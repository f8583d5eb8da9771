"""The artifact of an order: what an operator reads in the Prefect UI, one for each order."""

from prefect.artifacts import create_markdown_artifact

from config.settings import settings
from flows.templates import template
from flows.waiting import waits_for
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.overview import overview
from ordercast.store.tables import OrderRun

LIMIT = 100
"""The most rows of a table; beyond it only the count is told."""


def publish_artifact(order_no: str) -> OrderRun:
    """Write how the order stands: one API call, whatever its size. Gives its run."""
    with database().read() as session:
        facts = overview(session, order_no, limit=LIMIT)
        waiting = waits_for(facts["run"])
        text = template("order.md.j2").render(
            facts,
            waiting=waiting,
            at=now(),
            limit=LIMIT,
            gateway_url=settings().gateway_url,
        )
    about = waiting or facts["order"].title
    create_markdown_artifact(text, key=order_no, description=about)
    return facts["run"]
