"""How a relay shares out its slots."""

from uuid import uuid4

import pytest

from ordercast.services.relay import lanes
from ordercast.services.relay.lanes import Lanes


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to."""
    time = {"now": 100.0}
    monkeypatch.setattr(lanes, "monotonic", lambda: time["now"])

    def advance(seconds):
        time["now"] += seconds

    return advance


def begin(made, subscriber_id, count=1):
    keys = [uuid4() for _ in range(count)]
    for key in keys:
        made.begin(key, subscriber_id)
    return keys


def test_a_subscriber_gets_one_slot_at_first_and_after_each_answer_twice_as_many(clock):
    made, shares = Lanes(32, most=128), []
    for _ in range(5):
        shares.append(made.room().share("a", 8))
        (key,) = begin(made, "a")
        made.end(key, heard=True)
    assert shares == [1, 2, 4, 8, 8]


def test_who_did_not_answer_starts_again_with_one(clock):
    made = Lanes(32, most=128)
    for heard in (True, True, True, False):
        (key,) = begin(made, "a")
        made.end(key, heard=heard)
    assert made.room().share("a", 8) == 1


def test_what_is_on_its_way_counts_against_the_budget(clock):
    made = Lanes(32, most=128)
    for _ in range(3):
        made.end(begin(made, "a")[0], heard=True)
    begin(made, "a", 6)
    assert made.room().share("a", 8) == 2


def test_after_a_second_without_an_answer_the_slots_are_free_for_others(clock):
    made = Lanes(8, most=32)
    begin(made, "silent", 8)
    assert made.room().free == 0
    clock(1.1)
    assert made.room().free == 8
    assert made.room().share("silent", 64) == 0
    assert made.room().share("another", 8) == 1


def test_who_answers_slowly_but_answers_is_given_more(clock):
    made = Lanes(8, most=32)
    first, *_ = begin(made, "slow", 2)
    clock(1.5)
    made.end(first, heard=True)
    assert made.room().share("slow", 8) == 1


def test_there_is_an_end_to_what_goes_on_beside_the_slots(clock):
    made = Lanes(4, most=10)
    for _ in range(2):
        begin(made, "a", 4)
        clock(1.1)
    assert made.room().free == 2
    begin(made, "b", 2)
    clock(1.1)
    assert made.room().free == 0
