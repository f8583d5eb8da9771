"""Work orders from the message: commands become work orders of their own, in their order."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.catalog import load_catalog
from ordercast.domain.commands import MOST_COMMANDS, Command, distinct_names, faults_of
from ordercast.domain.errors import ConfigurationError
from ordercast.domain.order import ItemAction

CATALOG = """\
products:
  net:
    name: Net
    category: network
    actions:
      add:
        work_orders:
          book: {system: numbers, service_time: 10m}
          from-message:
            system: provisioning
            service_time: 30m
            after: book
            commands:
              Test-Call: {team: field, service_time: 1d}
              PLAIN: {description: as it is}
          bill: {system: billing, service_time: 5m, after: [from-message]}
      modify:
        work_orders:
          from-message: {team: desk, service_time: 1h, sequence: true}
"""


@pytest.fixture
def catalog(tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG, encoding="utf-8")
    return load_catalog(path)


def made(catalog, *commands, action=ItemAction.ADD):
    policy = catalog.policy("net", action).for_line(commands)
    assert policy.message_work is None
    return policy


def after(policy):
    return {name: kind.after for name, kind in policy.work_orders.items()}


def test_commands_stand_between_what_comes_before_and_after_them(catalog):
    policy = made(catalog, Command("HLR", "1"), Command("APN", "2", after=("1",)), Command("VM"))
    assert after(policy) == {
        "book": (),
        "HLR": ("book",),
        "APN": ("HLR",),
        "VM": ("book",),
        "bill": ("APN", "VM"),
    }
    assert policy.due_after["bill"] == timedelta(minutes=75)


def test_who_does_it_is_said_by_the_message_or_for_the_name_or_for_all(catalog):
    policy = made(
        catalog,
        Command("HLR", system="hlr"),
        Command("CALL", team="roamers"),
        Command("test-call"),
        Command("TEST-CALL", system="robot"),
        Command("plain"),
        Command("other", parameters={"a": 1}),
    )
    kinds = policy.work_orders
    assert {name: (kind.team, kind.system) for name, kind in kinds.items()} == {
        "book": (None, "numbers"),
        "HLR": (None, "hlr"),
        "CALL": ("roamers", None),
        "test-call": ("field", None),
        "TEST-CALL": (None, "robot"),
        "plain": (None, "provisioning"),
        "other": (None, "provisioning"),
        "bill": (None, "billing"),
    }
    assert kinds["TEST-CALL"].service_time == timedelta(days=1)
    assert kinds["plain"].service_time == timedelta(minutes=30)
    assert kinds["other"].parameters == {"a": 1}


def test_in_a_sequence_each_follows_unless_the_message_says_otherwise(catalog):
    commands = [Command("a", "1"), Command("b", "2"), Command("c", "3")]
    assert after(made(catalog, *commands, action=ItemAction.MODIFY)) == {
        "a": (),
        "b": ("a",),
        "c": ("b",),
    }
    commands[2] = Command("c", "3", after=("1",))
    assert after(made(catalog, *commands, action=ItemAction.MODIFY)) == {
        "a": (),
        "b": (),
        "c": ("a",),
    }


def test_one_that_is_listed_before_what_it_waits_for_comes_behind_it(catalog):
    policy = made(catalog, Command("late", after=("early",)), Command("early"))
    assert list(policy.work_orders) == ["book", "early", "late", "bill"]


def test_commands_of_one_name_have_names_of_their_own(catalog):
    policy = made(
        catalog,
        Command("SET", "1"),
        Command("SET", "2", after=("1",)),
        Command("SET-2", "3", after=("SET",)),
        Command("book", "4"),
    )
    assert after(policy) == {
        "book": (),
        "SET": ("book",),
        "SET-3": ("SET",),
        "SET-2": ("SET", "SET-3"),
        "book-2": ("book",),
        "bill": ("SET-2", "book-2"),
    }


@pytest.mark.parametrize(
    ("commands", "problem"),
    [
        ([], "names no work order"),
        ([Command(None)], "is missing"),
        ([Command("")], "is missing"),
        ([Command("a", after=("b",))], "waits for one that the line does not have"),
        ([Command("a", after=("a",))], "waits for itself"),
        ([Command("a", "1", after=("2",)), Command("b", "2", after=("1",))], "waits for itself"),
        ([Command("a")] * (MOST_COMMANDS + 1), f"is more than {MOST_COMMANDS}"),
    ],
)
def test_commands_that_cannot_be_work_are_refused_by_the_catalogue(catalog, commands, problem):
    (found,) = catalog.problems_with("net", ItemAction.ADD, {}, commands)
    assert problem in found.problem
    assert found.field.startswith("service.supportingService")


def test_an_action_with_its_own_work_orders_takes_no_notice_of_commands(catalog):
    policy = catalog.policy("net", ItemAction.NO_CHANGE)
    assert policy.for_line([Command("a")]) is policy
    assert catalog.problems_with("net", ItemAction.NO_CHANGE, {}, []) == []


@pytest.mark.parametrize(
    ("good", "bad", "line", "problem"),
    [
        ("{system: numbers, ", "{system: numbers, sequence: true, ", 8, "`book` is none"),
        ("sequence: true", "sequence: true, commands: {x: {team: a, system: b}}", 19, "both"),
        ("after: book\n", "after: bok\n", 12, "there is no work order `bok`"),
        ("            system: provisioning\n", "", 9, "neither a team nor a system"),
        ("service_time: 1d", "service_time: soon", 14, "no length of time"),
    ],
)
def test_a_faulty_catalogue_is_told_with_its_line(tmp_path, good, bad, line, problem):
    assert good in CATALOG
    path = tmp_path / "catalog.yaml"
    path.write_text(CATALOG.replace(good, bad, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(path)
    told = [each for each in (caught.value, *caught.value.also) if problem in each.problem]
    assert [each.where for each in told] == [f"{path}:{line}"]


NAMES = st.sampled_from(["A", "B", "A-2", "A-3", "book", "C"])


@st.composite
def commands(draw):
    """Commands of which each waits for some of those before it."""
    count = draw(st.integers(1, 8))
    return [
        Command(
            draw(NAMES),
            str(place),
            after=tuple(map(str, draw(st.lists(st.integers(0, place - 1), max_size=3))))
            if place
            else (),
        )
        for place in range(count)
    ]


@settings(max_examples=150)
@given(commands())
def test_every_command_has_a_name_of_its_own_and_none_is_lost(given_commands):
    assert not list(faults_of(given_commands))
    names = distinct_names(given_commands, ["book"])
    assert len({*names, "book"}) == len(given_commands) + 1
    firsts = {each.name for each in given_commands} - {"book"}
    assert firsts <= set(names)
