"""How many runs a warm worker claims: ahead of its threads only where all have enough to do."""

from hypothesis import given
from hypothesis import strategies as st

from ordercast.services.worker.claiming import AHEAD, ROUND_LIMIT, has_enough, room, wanted

SLOTS = st.integers(1, 100)


@given(is_deep=st.booleans(), slots=SLOTS, data=st.data())
def test_never_more_than_there_is_room_for_or_than_one_round_takes(is_deep, slots, data):
    running = data.draw(st.integers(0, (1 + AHEAD) * slots))
    claimed = wanted(is_deep=is_deep, running=running, slots=slots)
    assert 0 <= claimed <= min(room(running=running, slots=slots), ROUND_LIMIT)


@given(slots=SLOTS, data=st.data())
def test_what_others_could_run_is_not_claimed_ahead(slots, data):
    running = data.draw(st.integers(0, (1 + AHEAD) * slots))
    claimed = wanted(is_deep=False, running=running, slots=slots)
    assert running + claimed <= max(running, slots)


@given(slots=SLOTS, data=st.data())
def test_a_deep_backlog_fills_all_the_room(slots, data):
    running = data.draw(st.integers(0, (1 + AHEAD) * slots))
    claimed = wanted(is_deep=True, running=running, slots=slots)
    assert claimed == min(room(running=running, slots=slots), ROUND_LIMIT)


@given(is_deep=st.booleans(), slots=SLOTS, running=st.integers(0, 300))
def test_a_worker_with_an_idle_half_asks_for_more(is_deep, slots, running):
    if running <= slots / 2:
        assert not has_enough(is_deep=is_deep, running=running, slots=slots)


@given(slots=SLOTS, data=st.data())
def test_of_a_deep_backlog_more_is_fetched_before_a_thread_is_idle(slots, data):
    running = data.draw(st.integers(0, slots))
    assert not has_enough(is_deep=True, running=running, slots=slots)
