"""The story of the demo covers the samples, and works out how each of them should end."""

from ordercast.contracts.subscriber import SubscriberKind
from ordercast.demo.receivers import AUDIENCES
from ordercast.demo.story import (
    DUPLICATE,
    EXAMPLES,
    MALFORMED,
    SAMPLES,
    expected,
    secrets_of,
    shipped_catalogue,
)
from ordercast.domain.order import OrderState

CATALOGUE = shipped_catalogue()
STORY = {sample.file: expected(sample, CATALOGUE) for sample in SAMPLES}
PARTLY = STORY["partly-failing-order.json"]
CANCELLED = STORY["cancelled-order.json"]


def audience(kind):
    return next(each for each in AUDIENCES if each.kind == kind)


def test_every_sample_is_in_the_story():
    files = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".json", ".csv")}
    assert {*STORY, MALFORMED} == files
    assert DUPLICATE in STORY


def test_there_is_one_receiver_of_each_kind():
    assert [each.kind for each in AUDIENCES] == list(SubscriberKind)


def test_all_orders_complete_but_the_cancelled_and_the_partly_failing_one():
    ends = {file: each.state for file, each in STORY.items()}
    assert ends.pop(PARTLY.sample.file) is OrderState.PARTIAL
    assert ends.pop(CANCELLED.sample.file) is OrderState.CANCELLED
    assert set(ends.values()) == {OrderState.COMPLETED}


def test_the_setback_is_of_a_work_order_that_the_catalogue_has():
    for each in STORY.values():
        for setback in each.sample.setbacks:
            assert each.lines[setback.line_no - 1][setback.work_order] == "failed"
    assert PARTLY.work_counts == {"completed": 23, "failed": 1}
    assert PARTLY.line_counts == {"completed": 1, "failed": 1}


def test_every_work_order_of_the_batch_completes():
    assert STORY["batch-sim-activation.csv"].work_counts == {"completed": 12_000}


def test_work_that_waits_for_what_failed_is_cancelled():
    (setback,) = PARTLY.sample.setbacks
    early = type(setback)(2, "auc-key-load", setback.code, setback.text)
    sample = type(PARTLY.sample)(PARTLY.sample.file, "", setbacks=(early,))
    line = expected(sample, CATALOGUE).lines[1]
    assert line["hlr-profile"] == line["activation-check"] == "cancelled"
    assert line["billing-account"] == "completed"


def test_the_agent_is_told_of_its_own_orders_and_their_failed_work_alone():
    agent = audience(SubscriberKind.AGENT)
    assert PARTLY.events_for(agent) == {"order.partial": 1, "work-order.failed": 1}
    assert CANCELLED.events_for(agent) == {"order.cancelled": 1}
    assert not STORY["sim-activation.json"].events_for(agent)


def test_the_others_are_told_how_every_order_ended_and_nothing_else():
    portal = audience(SubscriberKind.PUBLIC)
    assert all(each.events_for(portal) == {f"order.{each.state}": 1} for each in STORY.values())


def test_the_secrets_of_the_samples_are_known_by_value():
    secrets = secrets_of(STORY["sim-activation.json"].sample, CATALOGUE)
    assert len(secrets) == 10
    assert "ki of sim-activation.json" in secrets.values()
