"""The artifacts of rounds: what was found and done, for whoever reads the Prefect UI."""

from collections import Counter
from collections.abc import Sequence

from prefect.artifacts import create_markdown_artifact

from config.settings import settings
from flows.templates import template
from ordercast.store.forecasts import Endangered
from ordercast.store.overdue import Taken

LIMIT = 100
"""The most rows of a table; beyond it only the count is told."""


def publish_sweep(taken: Sequence[Taken], endangered: Sequence[Endangered]) -> None:
    """What a sweep has done: one API call."""
    text = template("sweep.md.j2").render(
        taken=taken,
        endangered=endangered,
        counts=Counter(each.step.value for each in taken),
        limit=LIMIT,
        gateway_url=settings().gateway_url,
    )
    create_markdown_artifact(text, key="sweep", description="what was overdue, and what was done")
