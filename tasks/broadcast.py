"""Step 7: tell every subscriber; the relay delivers what is written here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from config.settings import settings
from ordercast.delivery import result_links
from ordercast.domain.line_pages import shortened
from ordercast.domain.order import Stage
from ordercast.store import pushes, results
from ordercast.store.clock import now
from ordercast.store.outcomes import sealed
from ordercast.store.pushes import NewEvent
from ordercast.store.runs import Lease, working
from ordercast.store.tables import ResultManifest
from tasks.step import life_step

FAILURES_TOLD = 5


@life_step(
    name="broadcast",
    cure="Mend the rows that stand where the order's event and pushes belong",
)
def broadcast(lease: Lease) -> bool:
    """Write the completion event and one delivery per subscriber, in one transaction."""
    with working(lease) as work:
        at = now()
        outcome = sealed(work.session, lease.order_no, lease.version)
        manifest = results.find(work.session, lease.order_no, lease.version)
        data = {**summary(outcome.summary), **(_results(manifest, at) if manifest else {})}
        event = NewEvent(type=f"order.{outcome.state}", version=lease.version, data=data)
        pushes.add_events(work.session, work.order, [event], tags=outcome.tags, at=at)
        work.reach(Stage.BROADCAST)
        work.run.ended_at = now()
    return True


def summary(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome without its lines; of those that did not complete, the first few reasons."""
    told = {name: value for name, value in outcome.items() if name != "lines"}
    failures = _failures(outcome["lines"])
    return {**told, "failures": failures} if failures else told


def _failures(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    failed = [line for line in lines if line["failures"]]
    return [
        {
            "line_no": line["line_no"],
            "item_id": line["item_id"],
            **shortened(line["failures"][0]),
        }
        for line in failed[:FAILURES_TOLD]
    ]


def _results(manifest: ResultManifest, at: datetime) -> dict[str, Any]:
    """Where the results are; the link is kept with the event, so it is the same each time."""
    valid_days = settings().archive.results_valid_days
    expires_at = result_links.expiry(at, valid_days=valid_days)
    url = result_links.link(
        manifest.order_no,
        manifest.version,
        expires_at=expires_at,
        base_url=settings().gateway_url,
    )
    return {
        "results": {
            "url": url,
            "expires_at": expires_at.isoformat().replace("+00:00", "Z"),
            "sha256": manifest.sha256,
            "lines": manifest.line_count,
        }
    }
