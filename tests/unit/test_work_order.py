"""What results and reopening mean for the work orders of a line."""

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.work_order import MOVES, OPEN_STATES, Result, WorkOrderState, reopen, settle

PENDING, READY, STARTED = (
    WorkOrderState.PENDING,
    WorkOrderState.ACKNOWLEDGED,
    WorkOrderState.IN_PROGRESS,
)
COMPLETED, FAILED, CANCELLED = (
    WorkOrderState.COMPLETED,
    WorkOrderState.FAILED,
    WorkOrderState.CANCELLED,
)


@st.composite
def dependencies(draw):
    """Up to eight work orders, each waiting for some of those before it; in any order."""
    names = [f"wo-{number}" for number in range(draw(st.integers(0, 8)))]
    waits = {
        name: tuple(draw(st.sets(st.sampled_from(names[:place])))) if place else ()
        for place, name in enumerate(names)
    }
    return {name: waits[name] for name in draw(st.permutations(names))}


@st.composite
def lines(draw):
    depends_on = draw(dependencies())
    return {name: draw(st.sampled_from(WorkOrderState)) for name in depends_on}, depends_on


@st.composite
def fates(draw):
    """Dependencies, and what becomes of each work order once somebody does it."""
    depends_on = draw(dependencies())
    return depends_on, {name: draw(st.sampled_from(Result)) for name in depends_on}


def carry_out(depends_on, fate, random):
    """The end of a line whose ready work orders are reported in a random order."""
    states = settle(dict.fromkeys(depends_on, PENDING), depends_on)
    while ready := [name for name, state in states.items() if state is READY]:
        name = random.choice(ready)
        states = settle(states | {name: fate[name].state}, depends_on)
    return states


def path_exists(before, after):
    return before is after or after in MOVES[before]


@given(lines())
def test_settling_twice_is_settling_once(line):
    states, depends_on = line
    settled = settle(states, depends_on)
    assert settle(settled, depends_on) == settled


@given(lines())
def test_settling_leaves_what_has_ended_and_what_is_not_its_own_alone(line):
    states, depends_on = line
    before = dict(states)
    settled = settle(states, depends_on)
    assert states == before
    assert settled.keys() == states.keys()
    assert all(settled[name] is state for name, state in states.items() if not state.is_open)


@given(lines())
def test_nothing_stays_pending_when_all_it_awaits_is_completed(line):
    states, depends_on = line
    settled = settle(states, depends_on)
    for name, awaited in depends_on.items():
        if all(settled[other] is COMPLETED for other in awaited):
            assert settled[name] is not PENDING


@given(lines())
def test_nothing_stays_open_behind_a_failed_or_cancelled_one(line):
    states, depends_on = line
    settled = settle(states, depends_on)
    for name, awaited in depends_on.items():
        if any(settled[other] in (FAILED, CANCELLED) for other in awaited):
            assert not settled[name].is_open


@given(lines())
def test_every_move_of_settling_is_among_the_moves(line):
    states, depends_on = line
    settled = settle(states, depends_on)
    assert all(path_exists(state, settled[name]) for name, state in states.items())


@given(fates(), st.randoms(use_true_random=False), st.randoms(use_true_random=False))
def test_the_end_is_the_same_whatever_the_order_of_results(line, one, other):
    depends_on, fate = line
    assert carry_out(depends_on, fate, one) == carry_out(depends_on, fate, other)


@given(fates(), st.randoms(use_true_random=False))
def test_a_line_whose_work_is_reported_always_ends(line, random):
    depends_on, fate = line
    assert not any(state.is_open for state in carry_out(depends_on, fate, random).values())


@given(fates(), st.randoms(use_true_random=False))
def test_a_work_order_is_cancelled_exactly_if_what_it_awaits_did_not_complete(line, random):
    depends_on, fate = line
    ended = carry_out(depends_on, fate, random)
    for name, awaited in depends_on.items():
        was_done = all(ended[other] is COMPLETED for other in awaited)
        assert ended[name] is (fate[name].state if was_done else CANCELLED)


@given(dependencies(), st.randoms(use_true_random=False))
def test_results_that_come_before_their_turn_complete_the_line_too(depends_on, random):
    states = settle(dict.fromkeys(depends_on, PENDING), depends_on)
    for name in random.sample(list(depends_on), len(depends_on)):
        states = settle(states | {name: COMPLETED}, depends_on)
    assert set(states.values()) <= {COMPLETED}


@given(fates(), st.randoms(use_true_random=False))
def test_reopening_all_failures_lets_the_line_complete(line, random):
    depends_on, fate = line
    ended = carry_out(depends_on, fate, random)
    failed = [name for name, state in ended.items() if state is FAILED]
    states = reopen(ended, depends_on, failed)
    while ready := [name for name, state in states.items() if state is READY]:
        states = settle(states | {random.choice(ready): COMPLETED}, depends_on)
    assert set(states.values()) <= {COMPLETED}


@given(fates(), st.randoms(use_true_random=False))
def test_reopening_undoes_no_completed_work_and_makes_only_known_moves(line, random):
    depends_on, fate = line
    ended = carry_out(depends_on, fate, random)
    failed = [name for name, state in ended.items() if state is FAILED][:1]
    reopened = reopen(ended, depends_on, failed)
    for name, state in ended.items():
        if state is COMPLETED or (state is FAILED and name not in failed):
            assert reopened[name] is state
        is_again = PENDING in MOVES[state] and path_exists(PENDING, reopened[name])
        assert reopened[name] is state or is_again


@given(st.data())
def test_settling_ends_even_where_work_orders_wait_for_one_another(data):
    names = ["a", "b", "c", "d"]
    depends_on = {name: data.draw(st.sets(st.sampled_from(names))) for name in names}
    states = {name: data.draw(st.sampled_from(WorkOrderState)) for name in names}
    settled = settle(states, depends_on)
    assert settle(settled, depends_on) == settled


def test_what_is_barred_by_another_failure_stays_cancelled_on_reopening():
    depends_on = {"key-load": (), "profile": (), "check": ("key-load", "profile")}
    states = {"key-load": FAILED, "profile": FAILED, "check": CANCELLED}
    assert reopen(states, depends_on, ["key-load"]) == {
        "key-load": READY,
        "profile": FAILED,
        "check": CANCELLED,
    }


def test_a_failure_cancels_even_what_somebody_has_begun():
    depends_on = {"profile": (), "check": ("profile",)}
    assert settle({"profile": FAILED, "check": STARTED}, depends_on)["check"] is CANCELLED


def test_a_result_can_end_every_open_work_order():
    for state in OPEN_STATES:
        assert {result.state for result in Result} <= MOVES[state]
