"""The artifacts of rounds: what was found and done, for whoever reads the Prefect UI."""

from collections import Counter
from collections.abc import Mapping, Sequence

from prefect.artifacts import create_markdown_artifact

from config.settings import settings
from flows.templates import template
from ordercast.store.forecasts import Endangered
from ordercast.store.telling_overdue import Taken
from tasks.reconcile import Finding, Reconciled

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


def publish_reconciliation(found: Reconciled, findings: Sequence[Finding]) -> None:
    """What a reconciliation has found: one API call."""
    text = template("reconcile.md.j2").render(
        found=found,
        findings=findings,
        counts=Counter(each.where for each in findings),
        mended=sum(each.mended for each in findings),
        limit=LIMIT,
    )
    create_markdown_artifact(text, key="reconcile", description=f"{len(findings)} findings")


def publish_retention(removed: Mapping[str, Mapping[str, int]], *, only_counts: bool) -> None:
    """What retention has removed, or would have: one API call."""
    text = template("retention.md.j2").render(
        removed=removed, only_counts=only_counts, policy=settings().retention
    )
    create_markdown_artifact(text, key="retention", description="what was kept long enough")
