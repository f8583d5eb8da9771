"""The artifact of an order: what an operator reads in the Prefect UI, one for each order."""

from sqlmodel import Session

from config.settings import settings
from flows.templates import template
from flows.waiting import waits_for
from ordercast.store.clock import now
from ordercast.store.overview import overview

LIMIT = 100
"""The most rows of a table; beyond it only the count is told."""


def shown(session: Session, order_no: str) -> dict[str, str]:
    """How an order stands now: `data`, in Markdown, and `description`, in a line."""
    facts = overview(session, order_no, limit=LIMIT)
    waiting = waits_for(facts["run"])
    text = template("order.md.j2").render(
        facts, waiting=waiting, at=now(), limit=LIMIT, gateway_url=settings().gateway_url
    )
    return {"data": text, "description": waiting or facts["order"].title}
