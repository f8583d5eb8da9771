"""The catalogue: what it accepts of orders, and what is told about a faulty file."""

import json
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.catalog import catalogue, load_catalog
from config.settings import CONFIG_DIR
from ordercast.domain.catalog import ActionPolicy, CharacteristicSpec
from ordercast.domain.errors import ConfigurationError
from ordercast.domain.message_work import WorkOrderType
from ordercast.domain.order import ItemAction

GOOD = """\
sensitive: [ki, 身份证号]
characteristics:
  msisdn:
    pattern: '\\d{11}'
    hint: eleven digits
  ki:
products:
  sim:
    name: SIM
    category: mobile
    aliases: [开卡]
    actions:
      add:
        required: [msisdn]
        optional: ki
        exclusive_by: msisdn
        work_orders:
          check: {team: desk, service_time: 1d, after: [profile, bind]}
          profile: {system: hss, service_time: 30m, after: bind}
          bind: {system: inventory, service_time: 90s}
  card:
    name: Card
    category: iot
    actions:
      delete:
        work_orders:
          remove: {system: hss, service_time: 2h}
"""
KEY_CURE = "use lower-case letters, digits and hyphens: `sim-activation`"
ALL_KEYS = "characteristics, products"

FAULTS = [
    ("after: bind}", "after: [bnd]}", 19, "no work order `bnd`", "did you mean `bind`?"),
    ("90s}", "90s, after: check}", 18, "`check` waits for `bind` waits for `check`", "`after:`"),
    ("90s}", "90s, after: bind}", 20, "`bind` waits for `bind`", "take one of these out"),
    ("{system: inventory, ", "{", 20, "`bind` has neither a team nor a system", "say who does it"),
    ("{system: inventory,", "{system: a, team: b,", 20, "both a team and a system", "keep the one"),
    ("90s", "90", 20, "`service_time` is no length of time: '90'", "like 90s, 30m, 2h or 1d"),
    ("30m", "0m", 19, "no length of time: '0m'", "like 90s"),
    ("1d", "9999999d", 18, "no length of time", "like 90s"),
    ("1d", "[1d]", 18, "no length of time", "like 90s"),
    (", service_time: 30m", "", 19, "`service_time` is missing", "give how long it may take"),
    ("'\\d{11}'", "'(\\d{11}'", 4, "`pattern` is no regular expression: missing )", "mend it"),
    ("'\\d{11}'", "'[[a]'", 4, "no regular expression: Possible nested set", "mend it"),
    ("'\\d{11}'", '"\\d{11}"', 4, "unknown escape character", "single quotes"),
    ("hint: eleven digits", "sensitive: true", 16, "`msisdn` is sensitive", "not sensitive"),
    ("exclusive_by: msisdn", "exclusive_by: iccid", 16, "`iccid` is not a char", "`required:`"),
    (
        "required: [msisdn]",
        "required: [msisd]",
        14,
        "`msisd` is not under",
        "did you mean `msisdn`",
    ),
    ("optional: ki", "optional: msisdn", 15, "both required and optional", "keep one"),
    (
        "      delete:",
        "      remove:",
        25,
        "`remove` is not known",
        "add, modify, delete, noChange",
    ),
    ("aliases: [开卡]", "aliases: [开卡, CARD]", 11, "'CARD' already means card", "its own names"),
    ("name: Card", "name: sim", 22, "'sim' already means sim", "its own names"),
    ("name: Card", "name: ''", 22, "`name` is empty", "give the product's name"),
    ("    name: Card\n", "", 21, "`name` is missing", "give the product's name"),
    ("name: Card", "nam: Card", 22, "`nam` is not known here", "did you mean `name`?"),
    ("name: Card", "name: [Card]", 22, "`name` is not a text", "give the product's name"),
    ("  card:", "  Card:", 21, "`Card` is not a key", KEY_CURE),
    ("  card:", "  sim:", 21, "`sim` is there twice, first in line 8", "keep one"),
    ("      delete:", "      noChange:\n      delete:", 25, "`noChange` is empty", "add, modify"),
    ("          remove:", "          Remove:", 27, "`Remove` is not a key", KEY_CURE),
    ("          remove: {system: hss, service_time: 2h}", "", 26, "`work_orders` is empty", "give"),
    ("{system: hss, service_time: 2h}", "", 27, "`remove` is empty", "team or system"),
    (
        "system: hss, service_time: 2h",
        "x: &x [*x]",
        27,
        "the anchor holds itself",
        "take the alias",
    ),
    (
        "{system: hss, service_time: 2h}",
        "!!python/name:os.system",
        27,
        "is not allowed",
        "leave the tag out",
    ),
    ("  card:", "  ? [card]\n  :", 21, "the key is not a text", "plain name"),
    ("  card:", "\tcard:", 21, "cannot start any token", "indent with spaces"),
    ("sensitive:", "sensitiv:", 1, "`sensitiv` is not known", f"use one of: sensitive, {ALL_KEYS}"),
]


def write(tmp_path, text):
    path = tmp_path / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path):
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(path)
    return caught.value


@pytest.mark.parametrize(("good", "bad", "line", "problem", "cure"), FAULTS)
def test_each_fault_is_told_with_its_line_and_cure(tmp_path, good, bad, line, problem, cure):
    assert good in GOOD
    path = write(tmp_path, GOOD.replace(good, bad, 1))
    error = refused(path)
    told = [each for each in (error, *error.also) if problem in each.problem]
    assert [each.where for each in told] == [f"{path}:{line}"]
    assert cure in told[0].cure


def test_a_product_without_actions_is_refused_at_its_actions(tmp_path):
    head = GOOD[: GOOD.index("      delete:")].replace("actions:", "actions: {}")
    error = refused(write(tmp_path, head.replace("actions: {}", "actions:", 1)))
    assert (error.where.rpartition(":")[2], error.problem) == ("24", "`actions` is empty")


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_file_is_refused(tmp_path, text):
    assert refused(write(tmp_path, text)).problem == "the file is empty"


@pytest.mark.parametrize("text", ["[]", "sim", "products:", "products: {}"])
def test_a_catalogue_without_products_is_refused_in_its_first_line(tmp_path, text):
    assert refused(write(tmp_path, text)).where.endswith(":1")


def test_an_action_without_work_is_refused_unless_it_changes_nothing(tmp_path):
    assert "`delete` has no work orders" in str(
        refused(
            write(
                tmp_path,
                GOOD[: GOOD.rindex("        work_orders:")].replace(
                    "      delete:", "      delete: {}"
                ),
            )
        )
    )
    text = GOOD[: GOOD.index("      delete:")] + "      noChange: {}\n"
    assert load_catalog(write(tmp_path, text)).policy("card", ItemAction.NO_CHANGE)


def test_a_file_that_is_not_there_or_not_utf_8_is_refused(tmp_path):
    assert "No such file" in refused(tmp_path / "none.yaml").problem
    path = tmp_path / "catalog.yaml"
    path.write_bytes("sensitive: []\n# 开卡".encode("gbk"))
    error = refused(path)
    assert (error.where, error.problem) == (f"{path}:2", "is not UTF-8")


def test_all_faults_are_told_together_in_the_order_of_their_lines(tmp_path):
    error = refused(write(tmp_path, GOOD.replace("1d", "soon").replace("2h", "later")))
    lines = [int(line) for line in re.findall(r"yaml:(\d+): `service_time`", str(error))]
    assert lines == [18, 27]
    assert [each.problem for each in error.also] == ["`service_time` is no length of time: 'later'"]


def test_a_path_below_the_working_directory_is_told_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(write(tmp_path, GOOD.replace("1d", "soon"))).where == "catalog.yaml:18"


def test_values_stay_as_they_were_typed(tmp_path):
    text = GOOD.replace("team: desk", "team: no").replace("category: iot", "category: 0123")
    loaded = load_catalog(write(tmp_path, text))
    assert loaded.products["card"].category == "0123"
    assert loaded.products["sim"].actions[ItemAction.ADD].work_orders["check"].team == "no"


def test_work_orders_come_after_what_they_wait_for_and_are_due_by_the_longest_way(tmp_path):
    policy = load_catalog(write(tmp_path, GOOD)).policy("sim", ItemAction.ADD)
    assert policy
    assert list(policy.work_orders) == ["bind", "profile", "check"]
    assert policy.due_after["check"] == timedelta(days=1, minutes=31, seconds=30)


@settings(max_examples=50)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_no_text_makes_loading_crash(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode())
    assert refused(path).where.startswith(str(path))


@settings(max_examples=50)
@given(st.data())
def test_no_lost_line_makes_loading_crash(tmp_path_factory, data):
    rows = GOOD.splitlines(keepends=True)
    gone = data.draw(st.sets(st.integers(0, len(rows) - 1), max_size=4))
    path = tmp_path_factory.getbasetemp() / "less.yaml"
    path.write_text("".join(row for place, row in enumerate(rows) if place not in gone))
    try:
        load_catalog(path)
    except ConfigurationError as error:
        assert re.match(re.escape(str(path)) + r":\d+$", error.where)


@settings(max_examples=50)
@given(st.data())
def test_work_orders_without_a_cycle_always_come_in_working_order(tmp_path_factory, data):
    names = [f"w{number}" for number in range(data.draw(st.integers(1, 8)))]
    waits = {
        name: data.draw(st.sets(st.sampled_from(names[:place]))) if place else set()
        for place, name in enumerate(names)
    }
    rows = [
        f"          {name}: {{team: t, service_time: 1m, after: {json.dumps(sorted(waits[name]))}}}"
        for name in data.draw(st.permutations(names))
    ]
    head = GOOD[: GOOD.index("          check:")]
    path = tmp_path_factory.getbasetemp() / "graph.yaml"
    path.write_text(head + "\n".join(rows), encoding="utf-8")
    policy = load_catalog(path).products["sim"].actions[ItemAction.ADD]
    assert {name: set(kind.after) for name, kind in policy.work_orders.items()} == waits
    seen: set[str] = set()
    for name, kind in policy.work_orders.items():
        assert seen.issuperset(kind.after)
        seen.add(name)


def test_lines_are_refused_with_the_field_and_a_cure_that_never_quotes_the_value(tmp_path):
    loaded = load_catalog(write(tmp_path, GOOD))
    (missing,) = loaded.problems_with("sim", ItemAction.ADD, {})
    assert str(missing) == "msisdn: is missing; give it (eleven digits)"
    (wrong,) = loaded.problems_with("sim", ItemAction.ADD, {"msisdn": "secret"})
    assert wrong.cure == "it must match \\d{11} (eleven digits)"
    assert "secret" not in str(wrong)


def test_a_value_may_be_a_json_number(tmp_path):
    loaded = load_catalog(write(tmp_path, GOOD))
    assert not loaded.problems_with("开卡", ItemAction.ADD, {"msisdn": 13800138000, "ki": None})


def test_unknown_products_and_actions_are_refused_with_what_there_is(tmp_path):
    loaded = load_catalog(write(tmp_path, GOOD))
    assert "use one of: sim, card" in str(loaded.problems_with("fax", ItemAction.ADD, {})[0])
    assert "names no product" in str(loaded.problems_with(None, ItemAction.ADD, {})[0])
    assert "use one of: delete" in str(loaded.problems_with("card", ItemAction.ADD, {})[0])
    assert not loaded.problems_with("card", ItemAction.NO_CHANGE, {})
    assert loaded.policy("fax", ItemAction.ADD) is None


@pytest.mark.parametrize("name", ["sim", "SIM", "开卡", "sIm"])
def test_a_product_is_found_by_key_name_or_alias_in_any_case(tmp_path, name):
    product = load_catalog(write(tmp_path, GOOD)).product(name)
    assert product
    assert product.key == "sim"


def test_what_a_product_or_the_file_marks_is_masked(tmp_path):
    text = GOOD.replace("hint: eleven digits", "sensitive: true")
    text = text.replace("        exclusive_by: msisdn\n", "")
    masked = load_catalog(write(tmp_path, text)).mask({"MSISDN": 1, "ki": 2, "身份证号": 3, "x": 4})
    assert masked == {"MSISDN": "***", "ki": "***", "身份证号": "***", "x": 4}


@given(st.one_of(st.none(), st.text(), st.integers(), st.booleans(), st.lists(st.text())))
def test_any_json_value_is_judged_without_a_crash(value):
    spec = CharacteristicSpec(name="msisdn", pattern=r"\d{11}", hint="digits")
    problem = spec.problem_with(value)
    assert (problem is None) == bool(re.fullmatch(r"\d{11}", str(value)))


def test_a_policy_without_work_is_due_never():
    assert ActionPolicy().due_after == {}
    lone = WorkOrderType(name="x", service_time=timedelta(hours=2), team="t")
    assert ActionPolicy(work_orders={"x": lone}).due_after == {"x": timedelta(hours=2)}


SHIPPED = [
    (product.key, action)
    for product in load_catalog(CONFIG_DIR / "catalog.yaml").products.values()
    for action in product.actions
]


@pytest.mark.parametrize(("key", "action"), SHIPPED)
def test_each_shipped_action_has_work_that_can_begin_and_is_due_one_day(key, action):
    policy = catalogue().products[key].actions[action]
    assert any(not kind.after for kind in policy.work_orders.values())
    assert all(due > timedelta() for due in policy.due_after.values())
    assert all(kind.description for kind in policy.work_orders.values())
    assert all(spec.hint for spec in policy.characteristics.values())
    assert policy.exclusive_by


def test_the_shipped_catalogue_offers_what_an_mvno_sells():
    assert set(SHIPPED) >= {
        ("sim-activation", "add"),
        ("sim-activation", "delete"),
        ("number-porting", "add"),
        ("number-porting", "delete"),
        ("plan-change", "modify"),
        ("service-suspension", "add"),
        ("service-suspension", "delete"),
        ("termination", "delete"),
        ("termination", "add"),
        ("iot-card", "add"),
        ("iot-card", "modify"),
        ("iot-card", "delete"),
    }
    assert len(catalogue().products["sim-activation"].actions[ItemAction.ADD].work_orders) >= 8


def test_cards_ordered_by_the_thousand_need_no_people():
    work_orders = catalogue().products["iot-card"].actions[ItemAction.ADD].work_orders
    assert len(work_orders) <= 3
    assert all(kind.system for kind in work_orders.values())


@pytest.mark.parametrize("name", ["Ki", "OPc", "PIN 1", "puk_2", "idNumber", "身份证号", "ADM1"])
def test_the_shipped_catalogue_hides_secrets(name):
    assert catalogue().mask.covers(name)
    assert not catalogue().mask.covers("msisdn")
