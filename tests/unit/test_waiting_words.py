"""What people read of an order that waits, and when they are told that too many do."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.waiting import state_name, waits_for
from ordercast.domain.errors import PermanentFault, StepFailed, in_words
from ordercast.services.relay.waiting import crossing
from ordercast.store.runs import WaitingFor
from ordercast.store.tables import OrderRun
from ordercast.store.waiting_long import FLOWING, WAITING

SINCE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def run(waiting_for: WaitingFor | None, reason: str = "") -> OrderRun:
    return OrderRun(
        order_no="ord-20261122-83r7dw",
        version=1,
        stage="sealed",
        start_at=SINCE,
        waiting_for=waiting_for,
        waiting_reason=reason,
        waiting_since=SINCE if waiting_for else None,
        wake_at=SINCE,
    )


@pytest.mark.parametrize("waiting_for", list(WaitingFor))
def test_a_waiting_order_says_since_when_and_why(waiting_for: WaitingFor) -> None:
    words = waits_for(run(waiting_for, "the reason"))
    assert "2026-11-22 03:00 UTC" in words and "the reason" in words


def test_the_name_of_a_suspended_run_tells_whether_somebody_is_away() -> None:
    names = [state_name(run(each)) for each in WaitingFor]
    assert names == ["Suspended", "Suspended", "Paused", "Suspended"]


def test_an_order_that_waits_for_nothing_says_nothing() -> None:
    assert waits_for(run(None)) == ""


def test_a_parked_order_says_that_there_is_nothing_to_do_before_it_says_why() -> None:
    words = waits_for(run(WaitingFor.PARKED, "the platform was away"))
    assert words.index("Nothing to do") < words.index("ordercast orders retry") < words.index("Why")


def test_a_failed_step_says_what_to_do_before_it_says_why() -> None:
    fault = PermanentFault("localhost refused it: 409")
    failed = StepFailed("sync-to-platform", cure="Ask them", reason=in_words(fault))
    assert str(failed) == (
        "Ask them; then press Retry. sync-to-platform failed: localhost refused it: 409"
    )


def test_a_fault_of_the_database_is_told_without_the_values_of_the_statement() -> None:
    class DriverError(Exception):
        orig = "UNIQUE constraint failed: work_order.id"

    told = in_words(DriverError("[SQL: INSERT …] [parameters: ('8613800000000',)]"))
    assert told == "DriverError: UNIQUE constraint failed: work_order.id"
    assert in_words(ValueError()) == "ValueError"


@given(st.lists(st.integers(0, 300)), st.integers(1, 200))
def test_people_are_told_of_a_crossing_once_whatever_the_counts(
    counts: list[int], most: int
) -> None:
    told: list[str] = []
    for count in counts:
        was_over = told[-1:] == [WAITING]
        if kind := crossing(count, most=most, was_over=was_over):
            assert count >= most if kind == WAITING else count < most
            told.append(kind)
    assert all(kind == (FLOWING if n % 2 else WAITING) for n, kind in enumerate(told))
