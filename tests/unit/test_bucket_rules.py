"""Rules of buckets in tags.yaml: read as they are meant, and refused with line and cure."""

from pathlib import Path

import pytest

from config.bucket_rules import NO_RULES, BucketRules, LifecycleRule, LockMode, ObjectLock
from config.settings import CONFIG_DIR
from config.tags import load_tags
from ordercast.domain.errors import ConfigurationError

GOOD = """\
default: general
rules:
  - tag: iot
    primary: true
    when:
      channel: iot
  - tag: rejected
    when: {state: rejected}
  - tag: failed
buckets:
  iot:
    lock: {mode: compliance, days: 180}
    versioning: true
    lifecycle:
      - transition_days: 30
        storage_class: COLD
        expire_days: 365
      - tag: rejected
        expire_days: 200
"""

FAULTS = [
    ("  iot:\n    lock", "  iott:\n    lock", 11, "no primary tag", "did you mean `iot`?"),
    ("mode: compliance", "mode: strict", 12, "`mode` is not known", "governance, compliance"),
    ("days: 180", "days: many", 12, "`days` is not a whole number", "how many days"),
    ("days: 180", "days: 0", 12, "`days` is not above 0", "how many days"),
    (", days: 180", "", 12, "`days` is missing", "how many days"),
    ("days: 180", "days: 180, years: 2", 12, "`years` is not known here", "mode, days"),
    ("versioning: true", "versioning: perhaps", 13, "neither true nor false", "overwritten"),
    ("storage_class: COLD", "class: COLD", 16, "`class` is not known here", "storage_class"),
    ("        storage_class: COLD\n", "", 15, "needs its days and its storage class", "both"),
    ("        expire_days: 200", "        {}", 18, "does nothing", "give `expire_days`"),
    ("transition_days: 30", "transition_days: 365", 17, "before they are moved", "later"),
    ("expire_days: 365", "expire_days: 90", 17, "are locked for 180 days", "shorter time"),
    ("tag: rejected\n        exp", "tag: reject\n        exp", 18, "no further tag", "`rejected`"),
    ("tag: rejected\n        exp", "tag: iot\n        exp", 18, "no further tag", "failed"),
    ("expire_days: 200", "expire_days: 400", 19, "never comes", "S3 obeys the shorter"),
    ("- tag: rejected\n        exp", "- exp", 18, "all objects have two rules", "one of the two"),
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tags.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_rules_of_a_bucket_are_read(tmp_path: Path) -> None:
    loaded = load_tags(written(tmp_path, GOOD))
    assert loaded.bucket_rules("iot") == BucketRules(
        lock=ObjectLock(LockMode.COMPLIANCE, 180),
        versioning=True,
        lifecycle=(
            LifecycleRule(transition_days=30, storage_class="COLD", expire_days=365),
            LifecycleRule(tag="rejected", expire_days=200),
        ),
    )
    assert loaded.bucket_rules("general") == NO_RULES
    assert loaded.primary_tags == ("iot", "general")


@pytest.mark.parametrize(("old", "new", "line", "problem", "cure"), FAULTS)
def test_a_fault_is_told_with_line_and_cure(
    tmp_path: Path, old: str, new: str, line: int, problem: str, cure: str
) -> None:
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new).replace("\n        {}", "")
    with pytest.raises(ConfigurationError) as told:
        load_tags(written(tmp_path, text))
    [fault] = [each for each in str(told.value).splitlines() if problem in each]
    assert f"tags.yaml:{line}: " in fault
    assert cure in fault


def test_the_example_in_the_shipped_file_can_be_used(tmp_path: Path) -> None:
    shipped = (CONFIG_DIR / "tags.yaml").read_text(encoding="utf-8")
    rules, _, example = shipped.partition("# buckets:\n")
    text = rules + "buckets:\n" + example.replace("#   ", "  ")
    assert load_tags(written(tmp_path, text)).buckets.keys() == {"number-porting", "iot"}
