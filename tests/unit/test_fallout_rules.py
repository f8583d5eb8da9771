"""What may be asked of orders that have come to a stop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.fallout import (
    FITTING,
    STEP_AFTER,
    Action,
    LeftOut,
    Standing,
    Trouble,
    left_out,
)
from ordercast.domain.order import Stage

STANDINGS = st.builds(
    Standing, st.sampled_from(Stage), is_asked=st.booleans(), is_cancelled=st.booleans()
)


def test_every_trouble_has_an_action_and_every_stage_but_the_last_a_step() -> None:
    assert FITTING.keys() == set(Trouble)
    assert STEP_AFTER.keys() == set(Stage) - {Stage.BROADCAST}


@given(st.sampled_from(Action), STANDINGS)
def test_the_same_is_never_asked_twice(action: Action, order: Standing) -> None:
    if order.is_asked:
        assert left_out(action, order) is LeftOut.ASKED


@pytest.mark.parametrize(
    ("action", "order", "why"),
    [
        (Action.REOPEN, Standing(Stage.BROADCAST), None),
        (Action.REOPEN, Standing(Stage.GENERATED), None),
        (Action.REOPEN, Standing(Stage.BROADCAST, is_cancelled=True), LeftOut.CANCELLED),
        (Action.RETRY, Standing(Stage.SEALED, is_cancelled=True), None),
        (Action.RETRY, Standing(Stage.SEALED, is_latest_version=False), LeftOut.FOLLOWED),
        (Action.CANCEL, Standing(Stage.GENERATED), None),
        (Action.CANCEL, Standing(Stage.GENERATED, is_cancelled=True), LeftOut.CANCELLED),
        (Action.CANCEL, Standing(Stage.SEALED), LeftOut.SEALED),
    ],
)
def test_what_can_have_no_effect_is_not_asked(
    action: Action, order: Standing, why: LeftOut | None
) -> None:
    assert left_out(action, order) is why
