"""How many runs a warm worker claims: ahead of its threads only where all have enough to do."""

from hypothesis import given
from hypothesis import strategies as st

from ordercast.services.worker.claiming import CLAIM_LIMIT, share

SLOTS = st.integers(1, 100)


@given(due=st.integers(0, 500), slots=SLOTS, data=st.data())
def test_never_more_than_is_due_than_there_is_room_for_or_than_one_call_takes(due, slots, data):
    running = data.draw(st.integers(0, 2 * slots))
    claimed = share(due, running=running, slots=slots)
    assert 0 <= claimed <= min(due, 2 * slots - running, CLAIM_LIMIT)


@given(slots=SLOTS, data=st.data())
def test_what_others_could_run_is_not_claimed_ahead(slots, data):
    running = data.draw(st.integers(0, 2 * slots))
    due = data.draw(st.integers(0, 2 * slots - running))
    claimed = share(due, running=running, slots=slots)
    assert running + claimed <= max(running, slots)


@given(slots=SLOTS, data=st.data())
def test_a_backlog_fills_all_the_room(slots, data):
    running = data.draw(st.integers(0, 2 * slots))
    room = 2 * slots - running
    assert share(room + 1, running=running, slots=slots) == min(room, CLAIM_LIMIT)
