"""Applying automations from files to a real Prefect server: made once, then updated in place."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ordercast.automation.applying import Change, Planned, carry_out, plan
from ordercast.automation.files import written_automations
from ordercast.domain.errors import ConfigurationError, Conflict
from tests.flows.floor import Floor
from tests.journeys.notices import BLOCK, KIND, NAME, make_block_at

FILE = """
name: {name}
description: {description}
trigger: {{type: event, posture: Reactive, expect: [a.b, a.c], threshold: 1, within: 0}}
actions: [{{type: send-notification, subject: s, body: b}}]
"""


@pytest.fixture
def name(floor: Floor, deployed: str, tmp_path: Path) -> Iterator[str]:
    """The name of an automation of this test's own; the block is there, the automation is not."""
    make_block_at(deployed, "http://127.0.0.1:9/nobody")
    yield f"test {tmp_path.name}"
    for each in floor.client.read_automations_by_name(f"test {tmp_path.name}"):
        floor.client.delete_automation(each.id)
    kept = floor.client.read_block_document_by_name(NAME, KIND)
    floor.client.delete_block_document(kept.id)


def planned(floor: Floor, directory: Path, **said: str) -> list[Planned]:
    (directory / "automations").mkdir(exist_ok=True)
    text = FILE.format(**{"description": "first", **said})
    (directory / "automations" / "mine.yaml").write_text(text)
    return plan(floor.client, written_automations(directory / "automations"), block=BLOCK)


def apply(floor: Floor, directory: Path, **said: str) -> Change:
    (done,) = carry_out(floor.client, planned(floor, directory, **said))
    return done.change


def test_an_automation_is_made_once_and_then_updated_in_place(
    floor: Floor, tmp_path: Path, name: str
) -> None:
    (before,) = planned(floor, tmp_path, name=name)
    assert (before.change, floor.client.read_automations_by_name(name)) == (Change.MAKE, [])
    assert apply(floor, tmp_path, name=name) == Change.MAKE
    assert apply(floor, tmp_path, name=name) == Change.NONE
    (made,) = floor.client.read_automations_by_name(name)
    assert apply(floor, tmp_path, name=name, description="second") == Change.UPDATE
    (changed,) = floor.client.read_automations_by_name(name)
    assert (changed.id, changed.description) == (made.id, "second")


def test_one_that_was_paused_stays_paused(floor: Floor, tmp_path: Path, name: str) -> None:
    apply(floor, tmp_path, name=name)
    (made,) = floor.client.read_automations_by_name(name)
    floor.client.pause_automation(made.id)
    assert apply(floor, tmp_path, name=name) == Change.NONE
    apply(floor, tmp_path, name=name, description="second")
    (changed,) = floor.client.read_automations_by_name(name)
    assert not changed.enabled


def test_two_of_one_name_are_for_a_person(floor: Floor, tmp_path: Path, name: str) -> None:
    (wanted,) = planned(floor, tmp_path, name=name)
    for _ in range(2):
        floor.client.create_automation(wanted.wanted)
    with pytest.raises(Conflict, match="delete all but one"):
        planned(floor, tmp_path, name=name)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("", "is not set"),
        ("operations", "names no block"),
        ("custom-webhook/nobody", "there is no block"),
        ("business-platform/default", "is no notification block"),
    ],
)
def test_a_block_that_cannot_notify_is_refused_and_how_to_make_one_is_told(
    floor: Floor, tmp_path: Path, name: str, block: str, said: str
) -> None:
    planned(floor, tmp_path, name=name)
    with pytest.raises(ConfigurationError, match="make a notification block") as raised:
        plan(floor.client, written_automations(tmp_path / "automations"), block=block)
    assert said in str(raised.value)
