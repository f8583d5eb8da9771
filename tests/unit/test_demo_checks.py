"""The checks of the demo hold when all is as the story has it, and name whatever is not."""

from collections import Counter
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from ordercast.demo.checks import RUN_STATES, checks, told_to
from ordercast.demo.findings import Findings, Received, Verified
from ordercast.demo.performance import Performance
from ordercast.demo.receivers import AUDIENCES
from ordercast.demo.screen import Screen
from ordercast.demo.story import DUPLICATE, SAMPLES, expected, shipped_catalogue

SHIPPED = shipped_catalogue()
STORY = [expected(each, SHIPPED) for each in SAMPLES]
NUMBERS = {f"ord-20261122-aaaa{n:02}": each for n, each in enumerate(STORY)}
FIRST = next(iter(NUMBERS))
PROBLEMS = [{"field": "state", "problem": "may not be set", "cure": "leave it out"}]


def performance():
    done = Performance(orders=dict(NUMBERS), seconds=10.0)
    done.refusal = {"messageId": "msg-1", "problems": PROBLEMS}
    done.repeated_as = done.number_of(DUPLICATE)
    return done


def lines_of(wanted):
    return [{"state": state} for state in wanted.line_counts.elements()]


def received_by(audience):
    wanted = told_to(audience, NUMBERS).elements()
    return [Received(f"event-{n}", *each) for n, each in enumerate(wanted)]


def findings():
    """What is found when nothing went wrong."""
    return Findings(
        orders={
            no: {"state": str(each.state), "serviceOrderItem": lines_of(each)}
            for no, each in NUMBERS.items()
        },
        work={no: Counter(each.work_counts) for no, each in NUMBERS.items()},
        outcomes={
            no: {"state": str(each.state), "counts": dict(each.line_counts)}
            for no, each in NUMBERS.items()
        },
        objects={
            no: {"bucket": "ordercast-iot", "key": f"2026/11/22/{no}/v1.json.gz"} for no in NUMBERS
        },
        verified=Verified(is_clean=True, said="15 checked, 0 faulty"),
        runs={no: [RUN_STATES[each.state]] for no, each in NUMBERS.items()},
        pushes=[],
        received={audience: received_by(audience) for audience in AUDIENCES},
        forged=[],
        refused=[{"id": "msg-1", "problems": PROBLEMS}],
        duplicates=[{"order_no": performance().number_of(DUPLICATE)}],
        cancellations={FIRST: {"state": "done"}},
        leaks=[],
        searched=100,
    )


def without(mapping, key=FIRST):
    return {name: value for name, value in mapping.items() if name != key}


def faults(**changes):
    compared = checks(performance(), replace(findings(), **changes))
    return [fault for check in compared for fault in check.faults]


def test_all_checks_hold_when_all_is_as_the_story_has_it():
    assert faults() == []


GOOD = findings()
PORTAL = AUDIENCES[1]
PUSH = {
    "state": "pending",
    "order_no": FIRST,
    "event": {"type": "order.completed"},
    "subscriber": {"name": "the portal"},
}
BROKEN = {
    "an order in another state": (
        {"orders": {**GOOD.orders, FIRST: {"state": "failed", "serviceOrderItem": []}}},
        "is failed",
    ),
    "a work order too few": (
        {"work": {**GOOD.work, FIRST: Counter(completed=11_999)}},
        "11,999 completed, not 12,000",
    ),
    "a second flow run": (
        {"runs": {**GOOD.runs, FIRST: ["Completed", "Completed"]}},
        "Completed, Completed; not one",
    ),
    "a flow run of nothing": ({"runs": {**GOOD.runs, "ord-x": ["Crashed"]}}, "of no order"),
    "no outcome on the platform": ({"outcomes": without(GOOD.outcomes)}, "not on the platform"),
    "no archive object": ({"objects": without(GOOD.objects)}, "has no archive object"),
    "an altered archive object": (
        {"verified": Verified(is_clean=False, said="1 checked, 1 faulty")},
        "1 faulty",
    ),
    "a push that was missed": (
        {"received": {**GOOD.received, PORTAL: GOOD.received[PORTAL][1:]}},
        "0 times, not 1",
    ),
    "a push that came twice": (
        {"received": {**GOOD.received, PORTAL: [*GOOD.received[PORTAL], GOOD.received[PORTAL][0]]}},
        "got event event-0 2 times",
    ),
    "a push that is still on its way": ({"pushes": [PUSH]}, "to the portal is pending"),
    "a bad signature": ({"forged": ["event-1: no matching signature"]}, "does not hold"),
    "a malformed message that was lost": ({"refused": []}, "not listed in /inbox"),
    "a refusal for other reasons": (
        {"refused": [{"id": "msg-1", "problems": []}]},
        "other reasons",
    ),
    "a duplicate that was not noted": ({"duplicates": []}, "one duplicate"),
    "a cancellation that was refused": (
        {"cancellations": {FIRST: {"state": "terminatedWithError"}}},
        "terminatedWithError",
    ),
    "a secret that got out": ({"leaks": ["ki of x in a push to y"]}, "ki of x"),
}


@pytest.mark.parametrize(("changes", "told"), BROKEN.values(), ids=list(BROKEN))
def test_a_check_names(changes, told):
    found = faults(**changes)
    assert any(told in fault for fault in found), found


def test_a_duplicate_that_became_a_new_order_is_named():
    done = performance()
    done.repeated_as = "ord-20261122-other"
    found = [fault for check in checks(done, findings()) for fault in check.faults]
    assert any("answered as ord-20261122-other" in fault for fault in found)


def shown(width, seen=None):
    console = Console(file=StringIO(), force_terminal=True, width=width, no_color=True)
    screen, seen = Screen(console), seen or findings()
    screen.results(performance(), seen)
    screen.checks(checks(performance(), seen))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_the_table_shows_every_order_whole_in_a_hundred_columns():
    lines = shown(100)
    for number, wanted in NUMBERS.items():
        (row,) = [line for line in lines if number in line and wanted.sample.what in line]
        assert wanted.state in row
        assert "iot/…/v1" in row
        assert row.endswith("✓")


def test_a_wide_terminal_shows_where_each_archive_object_is_in_full():
    assert any(f"ordercast-iot/2026/11/22/{FIRST}/v1.json.gz" in line for line in shown(160))


def test_a_missing_push_shows_in_the_table_and_below_it():
    fewer = {**GOOD.received, PORTAL: GOOD.received[PORTAL][1:]}
    lines = shown(100, replace(findings(), received=fewer))
    assert any("3 of 4 ✗" in line for line in lines)
    assert any("✗" in line and "pushes to 4 receivers" in line for line in lines)
