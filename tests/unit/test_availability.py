"""While a party is away, one segment asks it and the others park at once."""

import threading

import pytest

from ordercast.domain.errors import PermanentFault, TransientFault
from tasks.availability import FAULTS_IN_A_ROW, Availability


def fail(party: Availability, reason: str = "refused") -> None:
    with pytest.raises(TransientFault), party.asking():
        raise TransientFault(reason)


def be_away(party: Availability, reason: str = "refused") -> None:
    for _ in range(FAULTS_IN_A_ROW):
        fail(party, reason)


def test_a_party_that_answers_is_asked_every_time() -> None:
    party = Availability("the platform")
    for _ in range(3):
        with party.asking():
            pass


def test_orders_that_it_stumbles_over_park_no_others_while_it_takes_some_in_between() -> None:
    party = Availability("the platform", rest_seconds=60)
    for _ in range(3):
        for _ in range(FAULTS_IN_A_ROW - 1):
            fail(party, "it answered 500")
        with party.asking():
            pass


def test_after_faults_in_a_row_nobody_asks_for_a_while_and_the_reason_is_told() -> None:
    party = Availability("the platform", rest_seconds=60)
    be_away(party, "connection refused")
    told = "the platform was away just now: connection refused"
    with pytest.raises(TransientFault, match=told), party.asking():
        raise AssertionError("asked")


def test_after_the_rest_one_asks_while_the_others_still_park() -> None:
    party = Availability("the platform", rest_seconds=0.01)
    be_away(party)
    asked, parked = [], []
    barrier = threading.Barrier(4)

    def segment() -> None:
        barrier.wait()
        try:
            with party.asking():
                asked.append(1)
                both.wait(5)
        except TransientFault:
            parked.append(1)
            if len(parked) == 3:
                both.set()

    both = threading.Event()
    threading.Event().wait(0.02)
    party._rest_seconds = 60
    threads = [threading.Thread(target=segment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(asked), len(parked)) == (1, 3)


def test_once_it_answers_again_all_ask() -> None:
    party = Availability("the platform", rest_seconds=0)
    be_away(party)
    for _ in range(3):
        with party.asking():
            pass


def test_a_refusal_is_an_answer() -> None:
    party = Availability("the platform", rest_seconds=60)
    with pytest.raises(PermanentFault), party.asking():
        raise PermanentFault("422")
    with party.asking():
        pass


def test_whoever_refuses_after_being_away_is_there_again() -> None:
    party = Availability("the platform", rest_seconds=0)
    be_away(party)
    party._rest_seconds = 60
    with pytest.raises(PermanentFault), party.asking():
        raise PermanentFault("403")
    with party.asking():
        pass
