"""Order numbers, stages and states."""

import re
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.order import (
    FINAL_ORDER_STATES,
    LOWEST_PRIORITY,
    ItemAction,
    OrderState,
    Stage,
    new_order_no,
    priority_number,
    title,
)

STAGES = st.sampled_from(Stage)


@given(st.dates(min_value=date(2000, 1, 1)))
def test_an_order_number_tells_its_day_and_can_be_read_aloud(day):
    order_no = new_order_no(day)
    assert re.fullmatch(r"ord-\d{8}-[a-km-np-z2-9]{6}", order_no)
    assert order_no[4:12] == f"{day:%Y%m%d}"


def test_a_thousand_order_numbers_of_a_day_differ():
    assert len({new_order_no(date(2026, 11, 22)) for _ in range(1000)}) == 1000


@given(STAGES, STAGES)
def test_of_two_stages_one_is_before_the_other_unless_they_are_the_same(one, other):
    assert one.is_before(other) + other.is_before(one) == (one is not other)


def test_the_last_stage_is_the_broadcast():
    assert all(stage.is_before(Stage.BROADCAST) for stage in Stage if stage is not Stage.BROADCAST)
    assert Stage.SEALED.is_before(Stage.SYNCED)


def test_an_order_is_over_in_five_states():
    words = {"rejected", "cancelled", "completed", "failed", "partial"}
    assert {state.value for state in FINAL_ORDER_STATES} == words
    assert {state for state in OrderState if state.is_final} == FINAL_ORDER_STATES


def test_the_actions_are_those_of_tmf641():
    assert list(ItemAction) == ["add", "modify", "delete", "noChange"]


@given(st.one_of(st.none(), st.text(), st.sampled_from(["0", "4", "High", " 1 ", "99", "²"])))
def test_any_priority_has_a_rank(priority):
    assert 0 <= priority_number(priority) <= LOWEST_PRIORITY


def test_a_title_names_each_kind_of_line_with_its_count():
    lines = [("sim-activation", "add"), ("plan-change", "modify"), ("sim-activation", "add")]
    assert title(lines) == "sim-activation add ×2, plan-change modify"
    assert title([(None, "add")]) == "unknown add"
