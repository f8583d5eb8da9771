"""What can be asked of an order: only what is possible now, and of the rest why it is not."""

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.order import Stage
from ordercast.domain.order_actions import Action, Standing, WhyNot, possibilities

standings = st.builds(
    Standing,
    stage=st.sampled_from(Stage),
    waiting_for=st.none() | st.sampled_from(["work-orders", "exclusive", "parked", "operator"]),
    is_cancelling=st.booleans(),
    failed_work_orders=st.integers(0, 3),
    events=st.integers(0, 3),
    asked=st.lists(st.sampled_from(["retry", "cancel", "reopen", "reschedule"])),
)


@given(standings)
def test_every_action_is_possible_or_has_a_reason(standing):
    found = possibilities(standing)
    assert set(found) == set(Action)
    for action, why_not in found.items():
        assert (why_not is WhyNot.ASKED) == (action in standing.asked)


@given(standings)
def test_what_is_sealed_is_never_cancelled_and_only_what_is_stuck_is_retried(standing):
    found = possibilities(standing)
    if not standing.stage.is_before(Stage.SEALED):
        assert found[Action.CANCEL] in (WhyNot.SEALED, WhyNot.ASKED)
    if found[Action.RETRY] is None:
        assert standing.waiting_for in ("parked", "operator")
    if found[Action.REOPEN] is None:
        assert standing.failed_work_orders


def test_an_order_that_waits_for_its_work_can_only_be_cancelled():
    waiting = Standing(stage=Stage.GENERATED, waiting_for="work-orders")
    assert possibilities(waiting) == {
        Action.RETRY: WhyNot.NOTHING_WAITS,
        Action.REOPEN: WhyNot.NOTHING_FAILED,
        Action.CANCEL: None,
        Action.REPLAY: WhyNot.NOTHING_TOLD,
    }
