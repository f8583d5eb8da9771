"""The state of a line from its work orders, the state of an order from its lines."""

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.order import OrderState
from ordercast.domain.rollup import line_state, order_state
from ordercast.domain.work_order import WorkOrderState

WORK_ORDERS = st.lists(st.sampled_from(WorkOrderState), max_size=8)
LINES = st.lists(st.sampled_from(OrderState), min_size=1, max_size=8)
LINE_ENDS = [
    OrderState.COMPLETED,
    OrderState.FAILED,
    OrderState.CANCELLED,
    OrderState.REJECTED,
]
ENDED_LINES = st.lists(st.sampled_from(LINE_ENDS), min_size=1, max_size=8)


@given(WORK_ORDERS)
def test_a_line_is_in_progress_exactly_while_a_work_order_is_open(states):
    is_open = any(state.is_open for state in states)
    assert (line_state(states) is OrderState.IN_PROGRESS) is is_open


@given(WORK_ORDERS)
def test_an_ended_line_is_failed_exactly_if_a_work_order_failed(states):
    ended = [state for state in states if not state.is_open]
    assert (line_state(ended) is OrderState.FAILED) is (WorkOrderState.FAILED in ended)


def test_a_line_whose_work_was_cancelled_is_cancelled_and_not_completed():
    states = [WorkOrderState.COMPLETED, WorkOrderState.CANCELLED]
    assert line_state(states) is OrderState.CANCELLED


def test_a_line_without_work_orders_is_completed():
    assert line_state([]) is OrderState.COMPLETED


@given(LINES)
def test_an_order_is_in_progress_exactly_while_a_line_is_open(states):
    is_open = any(not state.is_final for state in states)
    assert (order_state(states) is OrderState.IN_PROGRESS) is is_open


@given(ENDED_LINES)
def test_an_order_completes_only_if_every_line_completed(states):
    all_completed = set(states) == {OrderState.COMPLETED}
    assert (order_state(states) is OrderState.COMPLETED) is all_completed


@given(ENDED_LINES)
def test_a_mix_is_partial_with_a_completed_line_and_failed_without(states):
    if len(set(states)) > 1:
        with_success = OrderState.COMPLETED in states
        assert order_state(states) is (OrderState.PARTIAL if with_success else OrderState.FAILED)


@given(st.sampled_from(LINE_ENDS), st.integers(min_value=1, max_value=5))
def test_lines_that_all_end_alike_give_their_state_to_the_order(state, count):
    assert order_state([state] * count) is state


@given(LINES, st.randoms())
def test_the_order_of_the_lines_does_not_matter(states, random):
    shuffled = random.sample(states, len(states))
    assert order_state(shuffled) is order_state(states)


def test_an_order_without_lines_is_not_over():
    assert order_state([]) is OrderState.IN_PROGRESS
