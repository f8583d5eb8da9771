"""What of a line is taken back: completed work alone, the last done first."""

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.order import OrderState
from ordercast.domain.rollup import line_state
from ordercast.domain.undoing import to_do_again, to_take_back
from ordercast.domain.work_order import WorkOrderState, settle
from tests.unit.test_work_order import fates

COMPLETED, FAILED, CANCELLED = (
    WorkOrderState.COMPLETED,
    WorkOrderState.FAILED,
    WorkOrderState.CANCELLED,
)


@st.composite
def lines(draw):
    """A line with states that need not follow from one another, and what of it can be undone."""
    depends_on, _ = draw(fates())
    states = {name: draw(st.sampled_from(WorkOrderState)) for name in depends_on}
    can_be = draw(st.sets(st.sampled_from(list(depends_on)))) if depends_on else set()
    return states, depends_on, can_be


def comes_after(name, depends_on):
    """All that waits for the work order, at any distance."""
    found, waiting = set(), [name]
    while waiting:
        here = waiting.pop()
        behind = {each for each, awaited in depends_on.items() if here in awaited} - found
        found |= behind
        waiting += behind
    return found


@given(lines())
def test_all_completed_work_that_can_be_undone_is_and_nothing_else(line):
    states, depends_on, can_be = line
    plan = to_take_back(states, depends_on, can_be)
    half = line_state(states.values()) in (OrderState.FAILED, OrderState.CANCELLED)
    done = {name for name, state in states.items() if state is COMPLETED}
    assert plan.keys() == (done & can_be if half else set())


@given(lines())
def test_what_came_later_is_taken_back_before_at_whatever_distance(line):
    states, depends_on, can_be = line
    plan = to_take_back(states, depends_on, can_be)
    for name in plan:
        first, waiting = set(), list(plan[name])
        while waiting:
            other = waiting.pop()
            first.add(other)
            waiting += plan[other]
        assert first == comes_after(name, depends_on) & plan.keys()
    places = {name: place for place, name in enumerate(plan)}
    assert all(places[other] < places[name] for name in plan for other in plan[name])


@given(lines())
def test_what_is_done_again_is_what_was_undone_and_what_stood_on_it(line):
    states, depends_on, undone = line
    done = {name for name, state in states.items() if state is COMPLETED}
    again = to_do_again(undone & done, states, depends_on)
    assert undone & done <= again <= done
    for name in done - again:
        assert again.isdisjoint(depends_on[name])


@given(lines(), st.data())
def test_undoing_always_ends_and_leaves_the_state_of_the_line(line, data):
    states, depends_on, can_be = line
    plan = to_take_back(states, depends_on, can_be)
    undo = settle(dict.fromkeys(plan, WorkOrderState.PENDING), plan)
    if plan:
        assert line_state(states.values(), undo.values()) is OrderState.IN_PROGRESS
    while ready := [name for name, state in undo.items() if state.is_open]:
        result = data.draw(st.sampled_from([COMPLETED, FAILED]))
        undo = settle({**undo, data.draw(st.sampled_from(ready)): result}, plan)
    assert line_state(states.values(), undo.values()) is line_state(states.values())
