"""Step 7: tell every subscriber; the relay delivers what is written here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from config.settings import settings
from ordercast.delivery import result_links
from ordercast.domain.line_pages import shortened
from ordercast.domain.order import Stage
from ordercast.store import pushes, results
from ordercast.store.clock import now
from ordercast.store.outcomes import sealed
from ordercast.store.pushes import NewEvent
from ordercast.store.runs import Lease, working
from ordercast.store.tables import ResultManifest, ServiceOrder
from tasks.step import life_step

FAILURES_TOLD = 5


@life_step(
    name="broadcast",
    cure="Mend the rows that stand where the order's event and pushes belong",
)
def broadcast(lease: Lease) -> bool:
    """Write the completion event and one delivery per subscriber, in one transaction."""
    with working(lease) as work:
        tell(work.session, work.order, lease.version)
        work.reach(Stage.BROADCAST)
        work.run.ended_at = now()
    return True


def tell(session: Session, order: ServiceOrder, version: int) -> None:
    """Write the event of a sealed version, and whom it is for, unless that is written."""
    at = now()
    outcome = sealed(session, order.order_no, version)
    manifest = results.find(session, order.order_no, version)
    data = {**summary(outcome.summary), **(_results(manifest, at) if manifest else {})}
    event = NewEvent(type=f"order.{outcome.state}", version=version, data=data)
    pushes.add_events(session, order, [event], tags=outcome.tags, at=at)


def summary(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome without its lines; of those that did not complete, the first few reasons."""
    told = {name: value for name, value in outcome.items() if name != "lines"}
    failures = _failures(outcome["lines"])
    undone = Counter(each["state"] for line in outcome["lines"] for each in line.get("undo", ()))
    more = {"failures": failures, "undo": dict(undone)}
    return {**told, **{name: each for name, each in more.items() if each}}


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
