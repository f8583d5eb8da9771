"""Reconcile: nightly, whether all sides say the same of each order, and when asked, mending it."""

from datetime import timedelta

from prefect import State, flow
from prefect.states import Completed

from flows.rounds_artifacts import publish_reconciliation
from flows.turn import skipped, turn
from ordercast.domain.moments import parse_moment
from ordercast.store.clock import now
from tasks.reconcile import RECONCILE, reconcile_sealed
from tasks.reconcile_runs import reconcile_runs

LEASE = timedelta(minutes=30)


@flow(name="reconcile", persist_result=False)
def reconcile(
    since: str = "26h",
    mend: bool = False,
    limit: int = 20_000,
    seconds: float = 480,
    platform: bool = True,
) -> State:
    """Compare what was sealed with platform, archive and ledger, and orders in flight with Prefect.

    With `mend`, gaps are closed by the steps that left them. What there was no time for is
    looked at in the next round, from where this one stopped; `since` counts when none is left.
    """
    with turn(RECONCILE, lease=LEASE) as refusal:
        if refusal:
            return skipped(refusal)
        found = reconcile_sealed(
            since=parse_moment(since, at=now()),
            limit=limit,
            seconds=seconds,
            mend=mend,
            platform=platform,
        )
        findings = [*found.findings, *reconcile_runs(seconds=seconds / 4, mend=mend)]
        publish_reconciliation(found, findings)
    mended = sum(each.mended for each in findings)
    done = f"{found.checked} checked, {len(findings)} findings, {mended} of them mended"
    return Completed(message=done if found.is_whole else f"{done}; the rest next time")
