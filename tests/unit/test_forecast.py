"""Forecasts: along the dependencies, and never earlier than what is due or passed."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.forecast import OpenWork, expected_ends

AT = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


@st.composite
def lines(draw):
    names = [f"wo-{number}" for number in range(draw(st.integers(1, 8)))]
    work = {
        name: OpenWork(
            due_at=AT + HOUR * draw(st.integers(-50, 50)),
            service_time=HOUR * draw(st.integers(0, 9)),
            after=tuple(draw(st.sets(st.sampled_from([*names[:place], "has-ended"]), max_size=3))),
        )
        for place, name in enumerate(names)
    }
    return {name: work[name] for name in draw(st.permutations(names))}


@given(lines())
def test_an_end_is_never_before_now_or_the_due_time_and_follows_what_comes_before(work):
    ends = expected_ends(work, at=AT)
    assert ends.keys() == work.keys()
    for name, each in work.items():
        before = [ends[other] + each.service_time for other in each.after if other in work]
        assert ends[name] == max([AT, each.due_at, *before])


@given(lines(), st.integers(0, 100))
def test_later_on_nothing_is_expected_sooner(work, hours):
    sooner, later = expected_ends(work, at=AT), expected_ends(work, at=AT + HOUR * hours)
    assert all(later[name] >= end for name, end in sooner.items())


def test_a_chain_of_thousands_is_no_trouble():
    work = {"0": OpenWork(AT, HOUR)}
    work |= {str(n): OpenWork(AT, HOUR, (str(n - 1),)) for n in range(1, 5000)}
    backwards = dict(reversed(work.items()))
    assert expected_ends(backwards, at=AT)["4999"] == AT + 4999 * HOUR
