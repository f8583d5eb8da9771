"""Retention: nightly, what has been kept long enough is removed, or counted in a dry run."""

from prefect import State, flow
from prefect.states import Completed

from config.settings import settings
from flows.rounds_artifacts import publish_retention
from flows.turn import skipped, turn
from tasks.retention import erase


@flow(name="retention", persist_result=False)
def retention(dry_run: bool | None = None, limit: int = 50_000, seconds: float = 120) -> State:
    """Drop raw messages, erase what is personal, prune the ledger: of orders that ended long ago.

    Without `dry_run` the setting says whether anything is removed. A round takes up to `limit`
    orders and `seconds` for each kind; the next one goes on with the rest.
    """
    only_counts = not settings().retention.enforce if dry_run is None else dry_run
    with turn("retention") as refusal:
        if refusal:
            return skipped(refusal)
        removed = erase(dry_run=only_counts, limit=limit, seconds=seconds)
        publish_retention(removed, only_counts=only_counts)
    orders = ", ".join(f"{kind}: {each['orders']} orders" for kind, each in removed.items())
    return Completed(message=f"{'would go' if only_counts else 'gone'}: {orders or 'nothing'}")
