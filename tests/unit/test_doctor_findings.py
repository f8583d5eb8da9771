"""Each thing that can be wrong is found by the doctor, with its cure; what is well is not."""

import copy
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from typer.testing import CliRunner

from blocks.business_platform import BusinessPlatform
from config.deployments import written_deployments
from config.settings import settings
from ordercast.cli import app
from ordercast.doctor import blocks, database, doors, orchestration, prefect
from ordercast.doctor.clocks import MOST_SECONDS, Reading, compared, of_response
from ordercast.doctor.findings import Finding, note
from ordercast.store.examining import Examination

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WARM = "ordercast-warm"


def wrong(findings):
    return [each.found for each in findings if not each.is_well]


def ahead(seconds):
    """A clock that is so far ahead of ours, asked within a tenth of a second."""
    there = NOON + timedelta(seconds=seconds)
    return Reading(there, there, NOON, NOON + timedelta(seconds=0.1))


def test_a_finding_is_marked_by_how_it_is():
    found = [Finding("a", "b"), note("a", "b", "c"), Finding("a", "b", "c")]
    assert [each.mark for each in found] == ["✓", "!", "✗"]
    assert [each.is_well for each in found] == [True, True, False]


@pytest.mark.parametrize("seconds", [0, 0.05, MOST_SECONDS, -MOST_SECONDS])
def test_a_clock_within_a_few_seconds_is_well(seconds):
    assert list(compared("database", ahead(seconds))) == []


@pytest.mark.parametrize(("seconds", "side"), [(60, "60 s ahead of"), (-60, "60 s behind")])
def test_a_clock_further_off_is_told_with_its_side(seconds, side):
    assert wrong(compared("database", ahead(seconds))) == [f"its clock is {side} this machine's"]


def answer(**headers):
    response = httpx.Response(200, headers=headers)
    response.elapsed = timedelta(seconds=0.1)
    return response


def test_the_time_of_an_answer_is_read_and_one_that_tells_none_is_let_be():
    reading = of_response(answer(date="Sun, 22 Nov 2020 12:00:00 GMT"))
    assert reading is not None
    assert reading.ahead_seconds < -(10**8)
    assert of_response(answer()) is None
    assert of_response(answer(date="yesterday")) is None


def test_a_database_without_its_migrations_is_to_be_upgraded():
    (found,) = database.level(None, "0002")
    assert (found.found, found.cure) == ("revision none of 0002", "run `ordercast db upgrade`")
    assert wrong(database.level("0002", "0002")) == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Examination("PostgreSQL 15", is_standby=True), "standby"),
        (Examination("PostgreSQL 15", commits_at_once=False), "synchronous_commit is off"),
        (Examination("PostgreSQL 15", lacking=("order_line",)), "read and write order_line"),
    ],
)
def test_a_database_that_services_cannot_use_is_wrong(seen, words):
    (found,) = wrong(database.rights(seen, is_upgraded=True))
    assert words in found


def test_who_may_not_create_tables_is_wrong_only_while_there_are_some_to_create():
    seen = Examination("PostgreSQL 15", may_create=False)
    assert wrong(database.rights(seen, is_upgraded=False)) == ["may not create tables"]
    (noted,) = database.rights(seen, is_upgraded=True)
    assert noted.mark == "!"
    assert list(database.rights(Examination("SQLite 3"), is_upgraded=False)) == []


def test_orders_that_nobody_launches_point_to_the_relay():
    assert list(database.launching(0)) == []
    (found,) = database.launching(7)
    assert (found.part, found.found[:8]) == ("relay", "7 orders")


def test_a_server_of_another_version_is_noted_and_one_that_refuses_is_wrong():
    assert prefect.same_version("http://p", "3.8.8", "3.8.8").mark == "✓"
    assert prefect.same_version("http://p", "3.8.7", "3.8.8").mark == "!"
    assert "ORDERCAST_PREFECT__AUTH_STRING" in prefect.refusal("http://p", 401).cure
    assert prefect.refusal("http://p", 500).cure == "read its log"


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        (None, "no work pool"),
        ({"type": "process", "is_paused": False}, "of type process"),
        ({"type": WARM, "is_paused": True}, "is paused"),
    ],
)
def test_a_work_pool_that_cannot_serve_is_wrong(pool, words):
    (found,) = wrong(orchestration.work_pool(pool, wanted_type=WARM))
    assert words in found


def test_a_work_pool_that_serves_is_well():
    pool = {"type": WARM, "is_paused": False}
    assert wrong(orchestration.work_pool(pool, wanted_type=WARM)) == []


def test_no_worker_online_is_wrong():
    offline, online = {"status": "OFFLINE"}, {"status": "ONLINE"}
    assert wrong(orchestration.workers([])) == ["0 online"]
    assert wrong(orchestration.workers([offline])) == ["0 online"]
    assert wrong(orchestration.workers([offline, online])) == []


def as_deployed():
    return [
        {"paused": False, **each, "schedules": [*map(in_prefect, each.get("schedules", []))]}
        for each in written_deployments()
    ]


def in_prefect(schedule):
    timing = {"cron": schedule["cron"], "timezone": schedule["timezone"]}
    return {"slug": schedule["slug"], "active": True, "schedule": timing}


def test_deployments_as_prefect_yaml_has_them_are_well():
    deployed = as_deployed()
    assert wrong(orchestration.deployments(deployed, written_deployments())) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "another"}, "no deployment `order`"),
        ({"entrypoint": "flows.older.order"}, "another entrypoint than prefect.yaml"),
        ({"enforce_parameter_schema": True}, "another enforce_parameter_schema"),
        ({"paused": True}, "is paused"),
    ],
)
def test_a_deployment_that_is_not_as_prefect_yaml_has_it_is_wrong(change, words):
    deployed, written = copy.deepcopy(as_deployed()), written_deployments()
    next(each for each in deployed if each["name"] == "order").update(change)
    (found,) = wrong(orchestration.deployments(deployed, written))
    assert words in found


@pytest.mark.parametrize(
    ("schedules", "words"),
    [
        ([], "no schedule `nightly` of deployment `retention`"),
        ([{"active": False}], "the schedule `nightly` of deployment `retention` is off"),
        ([{"schedule": {"cron": "5 5 * * *"}}], "is not `40 3 * * *`, as in prefect.yaml"),
        ([{"schedule": {"interval": 3600}}], "is not `40 3 * * *`, as in prefect.yaml"),
    ],
)
def test_a_schedule_that_somebody_has_changed_is_noted(schedules, words):
    deployed = as_deployed()
    retention = next(each for each in deployed if each["name"] == "retention")
    (nightly,) = retention["schedules"]
    retention["schedules"] = [{**nightly, **each} for each in schedules]
    found = list(orchestration.deployments(deployed, written_deployments()))
    (noted,) = [each for each in found if each.is_to_note]
    assert words in noted.found
    assert wrong(found) == []


def test_a_schedule_of_which_no_run_is_planned_is_wrong():
    assert wrong(orchestration.schedules({"sweep": 52, "report": 1})) == []
    (found,) = wrong(orchestration.schedules({"sweep": 0, "report": 1}))
    assert "no run of deployment `sweep` is planned" in found


@pytest.mark.parametrize(
    ("paused", "active", "has"),
    [
        (False, [True], True),
        (False, [False, True], True),
        (False, [False], False),
        (False, [], False),
        (True, [True], False),
    ],
)
def test_a_deployment_is_planned_by_a_schedule_that_is_active(paused, active, has):
    deployment = {"paused": paused, "schedules": [{"active": each} for each in active]}
    assert orchestration.has_schedule(deployment) is has


def test_a_block_that_differs_is_noted_by_its_fields_and_never_by_their_values():
    seeded = BusinessPlatform(url="https://a.example.com", token="hush-1", timeout_seconds=10)
    edited = BusinessPlatform(url="https://a.example.com", token="hush-2", timeout_seconds=20)
    assert blocks.differing(seeded, seeded) == []
    (found,) = blocks.compared("business-platform", edited, seeded)
    assert "another timeout_seconds, token than" in found.found
    assert "hush" not in repr(found)
    assert found.is_well


def test_a_door_that_is_shut_is_wrong_with_how_to_open_it():
    (found,) = doors.healthy("gateway", "http://127.0.0.1:9/ready", cure="start it")
    assert (found.cure, "does not answer" in found.found) == ("start it", True)
    (found,) = doors.platform("http://127.0.0.1:9", "")
    assert "does not answer" in found.found


def test_with_nothing_running_the_doctor_names_each_part_and_ends_with_1(
    home, monkeypatch: pytest.MonkeyPatch
):
    for name in ("GATEWAY", "PLATFORM", "PREFECT"):
        monkeypatch.setenv(f"ORDERCAST_{name}__PORT", "9")
    settings.cache_clear()
    blocks.in_use.cache_clear()
    told = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "200"})
    assert told.exit_code == 1
    rows = [line for line in told.stdout.splitlines() if "✗" in line]
    assert [row.split("│")[2].strip() for row in rows] == ["Prefect", "gateway", "platform"]
