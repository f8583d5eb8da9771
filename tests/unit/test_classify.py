"""Classification, and the file that it is ruled by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import CONFIG_DIR
from config.tags import FACTS, load_tags, tag_rules
from ordercast.domain.classify import TagRule, classify
from ordercast.domain.errors import ConfigurationError

WORDS = st.sampled_from(["iot", "IoT", "agent-x", "agent-y", "1000", "上海"])
PATTERNS = st.sampled_from(["*", "iot", "AGENT-*", "agent-[xy]", "????", "上*", "none"])
FACT_NAMES = st.sampled_from(["agent", "channel", "lines", "region"])
KNOWN = st.dictionaries(FACT_NAMES, st.lists(WORDS, max_size=3), max_size=4)
RULES = st.lists(
    st.builds(
        TagRule,
        tag=st.sampled_from(["a", "b", "c", "d"]),
        when=st.dictionaries(FACT_NAMES, st.lists(PATTERNS, min_size=1).map(tuple), max_size=2),
        primary=st.booleans(),
    ),
    max_size=6,
)

GOOD = """\
default: general
rules:
  - tag: iot
    primary: true
    when:
      channel: iot
  - tag: batch
    when: {batch: true, lines: ['1???*', 2000]}
  - {tag: all}
"""

FAULTS = [
    ("channel: iot", "chanel: iot", 6, "there is no fact `chanel`", "did you mean `channel`?"),
    ("channel: iot", "channel: shop", 6, "`channel` is never 'shop'", "agent, public, internet"),
    ("batch: true", "batch: yes", 8, "`batch` is never 'yes'", "use one of: true, false"),
    ("channel: iot", "channel: []", 6, "`channel` has no values", "give at least one"),
    ("channel: iot", "channel:", 6, "`channel` is empty", "a value or a list for each fact"),
    ("tag: batch", "tag: Big Batch", 7, "`tag` is no tag: 'Big Batch'", "lower-case letters"),
    ("tag: batch", f"tag: {'a' * 41}", 7, "`tag` is no tag", "at most 40"),
    ("tag: batch", "teg: batch", 7, "`tag` is missing", "give the tag"),
    ("primary: true", "primary: perhaps", 4, "`primary` is neither true nor false", "a bucket"),
    ("default: general", "defaults: general", 1, "`default` is missing", "give the primary tag"),
    ("default: general", "default: general\ndefault: x", 2, "there twice, first in line 1", "keep"),
    (
        "{tag: all}",
        "{tag: all, primary: true}\n  - {tag: x, primary: true}",
        10,
        "never comes",
        "up",
    ),
]


def write(tmp_path, text):
    path = tmp_path / "tags.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("good", "bad", "line", "problem", "cure"), FAULTS)
def test_each_fault_of_the_rules_is_told_with_its_line_and_cure(
    tmp_path, good, bad, line, problem, cure
):
    assert good in GOOD
    path = write(tmp_path, GOOD.replace(good, bad, 1))
    with pytest.raises(ConfigurationError) as caught:
        load_tags(path)
    told = [each for each in (caught.value, *caught.value.also) if problem in each.problem]
    assert [each.where for each in told] == [f"{path}:{line}"]
    assert cure in told[0].cure


def test_rules_come_in_the_order_of_the_file_with_values_as_text(tmp_path):
    loaded = load_tags(write(tmp_path, GOOD))
    assert loaded.default == "general"
    assert loaded.rules == (
        TagRule("iot", {"channel": ("iot",)}, primary=True),
        TagRule("batch", {"batch": ("true",), "lines": ("1???*", "2000")}),
        TagRule("all"),
    )


@given(KNOWN, RULES)
def test_there_is_always_one_primary_tag_first_and_no_tag_twice(facts, rules):
    found = classify(facts, rules, "general")
    assert found.tags[0] == found.primary
    assert len(set(found.tags)) == len(found.tags)


@given(KNOWN, RULES)
def test_tags_are_those_of_the_rules_that_apply_and_no_others(facts, rules):
    found = classify(facts, rules, "general")
    applying = [rule for rule in rules if rule.applies_to(facts)]
    assert set(found.tags) == {rule.tag for rule in applying} | {found.primary}
    first = next((rule.tag for rule in applying if rule.primary), "general")
    assert found.primary == first


@given(KNOWN, RULES)
def test_case_does_not_matter(facts, rules):
    louder = {name: [value.upper() for value in values] for name, values in facts.items()}
    assert classify(louder, rules, "general") == classify(facts, rules, "general")


@given(RULES)
def test_what_is_not_known_of_an_order_meets_no_condition(rules):
    assert all(not rule.applies_to({}) for rule in rules if rule.when)
    assert all(rule.applies_to({}) for rule in rules if not rule.when)


ORDERS = [
    ({"product": ["iot-card"], "channel": ["agent"], "batch": ["true"]}, "iot"),
    (
        {"product": ["number-porting"], "channel": ["internet"], "action": ["delete"]},
        "number-porting",
    ),
    ({"product": ["sim-activation"], "channel": ["agent"], "batch": ["true"]}, "enterprise-batch"),
    ({"product": ["sim-activation"], "channel": ["agent"], "batch": ["false"]}, "agent-channel"),
    ({"product": ["plan-change"], "channel": ["public"]}, "public-portal"),
    ({"product": ["plan-change"], "channel": ["internet"]}, "internet-portal"),
    ({}, "general"),
]


@pytest.mark.parametrize(("facts", "bucket"), ORDERS)
def test_the_shipped_rules_put_orders_into_the_buckets_of_an_mvno(facts, bucket):
    assert classify(facts, tag_rules().rules, tag_rules().default).primary == bucket


def test_the_shipped_rules_add_tags_for_searching():
    facts = {
        "product": ["sim-activation"],
        "channel": ["agent"],
        "action": ["add"],
        "region": ["上海"],
        "state": ["partial"],
        "lines": ["1000"],
        "batch": ["true"],
        "priority": ["1"],
    }
    assert classify(facts, tag_rules().rules, tag_rules().default).tags == (
        "enterprise-batch",
        "agent-channel",
        "failed",
        "batch",
        "large-batch",
        "activation",
        "urgent",
        "region-east",
    )


def test_the_shipped_rules_say_every_fact_in_their_comment():
    comment = (CONFIG_DIR / "tags.yaml").read_text(encoding="utf-8").partition("default:")[0]
    assert all(fact in comment for fact in FACTS)
