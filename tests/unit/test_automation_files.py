"""Automations as files: those that come along can be used, and a bad one says what is wrong."""

from pathlib import Path

import pytest

from config.settings import Settings
from ordercast.automation.files import written_automations
from ordercast.domain.errors import ConfigurationError

PACKAGED = Settings.model_fields["automations"].default
GOOD = """
name: mine
trigger: {type: event, posture: Reactive, expect: [a.b], threshold: 1, within: 0}
actions: [{type: send-notification, subject: s, body: b}]
"""


def test_the_packaged_automations_tell_people_by_the_block_of_the_settings() -> None:
    written = written_automations(PACKAGED)
    assert [each.name for each in written] == [
        "ordercast orders-waiting",
        "ordercast pool-without-workers",
        "ordercast run-failed",
    ]
    for each in written:
        assert each.needs_block
        (action,) = each.automation("5b1f6a0e-7c3d-5a44-8f0e-3d9a4f1b2c60").actions
        assert str(action.block_document_id).startswith("5b1f6a0e")  # pyright: ignore


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "is no YAML"),
        ("name: mine", "has no name, trigger and actions"),
        (GOOD.replace("Reactive", "Sleepy"), "trigger"),
        (GOOD.replace("name: mine\n", ""), "name"),
        (GOOD.replace("send-notification", "sing"), "actions"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong_and_the_cure(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match="mend the file") as raised:
        written_automations(tmp_path)
    assert "bad.yaml" in str(raised.value) and said in str(raised.value)


def test_two_files_of_one_name_and_a_directory_that_is_not_there_are_refused(
    tmp_path: Path,
) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD)
    with pytest.raises(ConfigurationError, match="a name of its own"):
        written_automations(tmp_path)
    with pytest.raises(ConfigurationError, match="is no directory"):
        written_automations(tmp_path / "missing")
