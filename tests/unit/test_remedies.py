"""What the relay does about a flow run in flight, by what Prefect says of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.services.relay.remedies import (
    MOST_RECOVERIES,
    FlowRunState,
    Remedy,
    remedy_for,
)

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
STUCK_AFTER = timedelta(seconds=40)
LONG_AGO = NOW - STUCK_AFTER - timedelta(seconds=1)
TYPES = ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", "CANCELLED", "CRASHED"]


def remedy(kind: str | None, *, since: datetime = NOW, **facts: Any) -> Remedy:
    state = FlowRunState(kind, kind.title(), since) if kind else None
    plain = {"is_waiting": False, "is_held": False, "is_orphan": False, "is_sealed": False}
    more = {"recoveries": 0, "stuck_after": STUCK_AFTER, "now": NOW}
    return remedy_for(state, **{**plain, **more, **facts})


def test_a_run_that_prefect_does_not_know_is_launched_again() -> None:
    assert remedy(None) is Remedy.LAUNCH_AGAIN


@pytest.mark.parametrize("kind", ["PENDING", "RUNNING"])
def test_a_run_that_is_on_its_way_is_left_alone_until_its_worker_is_dead(kind: str) -> None:
    assert remedy(kind) is Remedy.NONE
    assert remedy(kind, since=LONG_AGO, is_held=True) is Remedy.NONE
    assert remedy(kind, since=LONG_AGO) is Remedy.SCHEDULE_AGAIN
    assert remedy(kind, is_held=True, is_orphan=True) is Remedy.SCHEDULE_AGAIN


def test_a_suspended_run_is_left_alone_while_its_order_waits_for_something() -> None:
    assert remedy("PAUSED", since=LONG_AGO, is_waiting=True) is Remedy.NONE
    assert remedy("PAUSED") is Remedy.NONE
    assert remedy("PAUSED", since=LONG_AGO) is Remedy.SCHEDULE_AGAIN


def test_cancelling_in_prefect_cancels_the_order_unless_its_outcome_is_sealed() -> None:
    assert remedy("CANCELLED") is Remedy.CANCEL
    assert remedy("CANCELLED", is_sealed=True) is Remedy.SCHEDULE_AGAIN
    assert remedy("CANCELLING", is_held=True) is Remedy.NONE
    assert remedy("CANCELLING") is Remedy.CANCEL
    assert remedy("CANCELLING", is_held=True, is_orphan=True) is Remedy.CANCEL


def test_a_run_that_keeps_bringing_its_worker_down_waits_for_a_person() -> None:
    assert remedy("CRASHED", recoveries=MOST_RECOVERIES - 1) is Remedy.SCHEDULE_AGAIN
    assert remedy("CRASHED", recoveries=MOST_RECOVERIES) is Remedy.ASK_OPERATOR
    for kind in ("PENDING", "RUNNING"):
        dead = {"is_held": True, "is_orphan": True}
        assert remedy(kind, recoveries=MOST_RECOVERIES - 1, **dead) is Remedy.SCHEDULE_AGAIN
        assert remedy(kind, recoveries=MOST_RECOVERIES, **dead) is Remedy.GIVE_UP
        assert remedy(kind, recoveries=MOST_RECOVERIES, is_held=True) is Remedy.NONE


def test_a_failed_run_waits_for_a_person() -> None:
    assert remedy("FAILED", since=LONG_AGO) is Remedy.ASK_OPERATOR


@given(
    kind=st.sampled_from([*TYPES, "FAILED", "COMPLETED"]),
    age=st.integers(0, 10**6),
    facts=st.fixed_dictionaries(
        {name: st.booleans() for name in ("is_waiting", "is_held", "is_orphan", "is_sealed")}
    ),
)
def test_no_sealed_order_is_ever_cancelled_and_no_live_segment_disturbed(
    kind: str, age: int, facts: dict[str, bool]
) -> None:
    found = remedy(kind, since=NOW - timedelta(seconds=age), **facts)
    if facts["is_sealed"]:
        assert found is not Remedy.CANCEL
    if facts["is_held"] and not facts["is_orphan"] and kind in ("PENDING", "RUNNING"):
        assert found is Remedy.NONE
