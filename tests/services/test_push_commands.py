import json

import pytest
from typer.testing import CliRunner

from ordercast.cli import app
from tests.services.pushing import ORDER_NO, push_once

pytestmark = pytest.mark.usefixtures("home")
URL = "http://127.0.0.1:9/hook"


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "300"})


def test_subscribers_are_added_listed_shown_and_removed():
    added = run("subscribers", "add", "partner", URL, "--kind", "iot", "--tag", "iot", "--json")
    assert added.exit_code == 0
    created = json.loads(added.output)
    (listed,) = json.loads(run("subscribers", "list", "--json").output)
    assert listed == {key: value for key, value in created.items() if key != "secret"}
    assert "partner" in run("subscribers", "list").output
    assert created["id"] in run("subscribers", "show", created["id"]).output
    assert run("subscribers", "remove", created["id"]).exit_code == 0
    assert run("subscribers", "show", created["id"]).exit_code == 1
    assert json.loads(run("subscribers", "list", "--json").output) == []


def test_every_problem_of_a_subscriber_is_named():
    answer = run("subscribers", "add", "partner", "http://10.0.0.1/", "--kind", "agent")
    assert answer.exit_code == 1
    assert "agent: is missing" in answer.stderr
    assert "10.0.0.0/8 (private)" in answer.stderr


def test_the_secret_is_shown_once_and_answers_are_no_markup():
    assert "whsec_" in run("subscribers", "add", "partner", URL).output
    push_once()
    assert "oh [bold]no" in run("pushes", "show", ORDER_NO).output


def test_pushes_are_shown_by_order_and_listed_by_state():
    run("subscribers", "add", "partner", URL)
    push_once()
    shown = json.loads(run("pushes", "show", ORDER_NO, "--json").output)
    assert [len(push["attempt_log"]) for push in shown] == [1, 0]
    assert len(json.loads(run("pushes", "list", "--state", "pending", "--json").output)) == 2
    assert ORDER_NO in run("pushes", "list").output
    assert run("pushes", "list", "--state", "lost").exit_code == 1
    assert run("pushes", "show", "ord-unknown").exit_code == 1


def test_subscribers_are_changed_paused_and_resumed_and_the_list_says_how_they_are():
    key = json.loads(run("subscribers", "add", "partner", URL, "--json").output)["id"]
    options = "--concurrency 3 --rate 2.5 --latest-only --tag iot --event-type order.* --json"
    changed = json.loads(run("subscribers", "change", key, *options.split()).output)
    assert (changed["concurrency"], changed["rate_per_second"]) == (3, 2.5)
    assert (changed["latest_only"], changed["tags"]) == (True, ["iot"])
    back = ["--concurrency", "0", "--rate", "0", "--all-versions", "--json", "--tag"]
    changed = json.loads(run("subscribers", "change", key, *back, "").output)
    assert (changed["concurrency"], changed["rate_per_second"]) == (None, None)
    assert (changed["latest_only"], changed["tags"]) == (False, [])
    assert changed["event_types"] == ["order.*"]
    assert "healthy" in run("subscribers", "list").output
    assert "an operator paused it" in run("subscribers", "change", key, "--pause").output
    assert "disabled because an operator paused it" in run("subscribers", "list").output
    assert "recovering" in run("subscribers", "change", key, "--resume").output


def test_a_change_of_nothing_is_refused():
    key = json.loads(run("subscribers", "add", "partner", URL, "--json").output)["id"]
    answer = run("subscribers", "change", key)
    assert answer.exit_code == 1
    assert "nothing is to be changed" in answer.stderr
