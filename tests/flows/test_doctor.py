"""The doctor at a real Prefect server, platform and archive."""

import pytest
from prefect.client.orchestration import get_client

from blocks import loading
from config.prefect_server import DEPLOYMENT, WORK_POOL
from config.settings import settings
from ordercast.doctor import blocks, doors, parts, prefect
from ordercast.services.platform.app import create_app
from tests import prefect_api
from tests.services.platform_server import served
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def fresh(floor, prefect_url, monkeypatch):
    """The doctor looks where the floor stands, and remembers nothing of other tests."""
    monkeypatch.setenv("ORDERCAST_PREFECT__API_URL", prefect_url)
    settings.cache_clear()
    blocks.in_use.cache_clear()


def wrong(look):
    return [each.found for each in look() if not each.is_well]


@pytest.fixture
def planned():
    """Prefect's scheduler, which looks for new deployments every few seconds, has seen ours."""
    wait_for(lambda: "is planned" not in str(wrong(prefect.look)), what="no run is planned")


@pytest.mark.usefixtures("planned")
def test_a_server_that_the_relay_has_prepared_lacks_but_a_worker():
    assert wrong(prefect.look) == ["0 online"]


@pytest.mark.usefixtures("planned")
def test_a_worker_that_beats_is_online(prefect_url):
    worker = {"name": "a-worker"}
    workers = f"/work_pools/{WORK_POOL}/workers"
    prefect_api.ask(prefect_url, "POST", f"{workers}/heartbeat", json=worker)
    try:
        assert wrong(prefect.look) == []
    finally:
        prefect_api.ask(prefect_url, "DELETE", f"{workers}/{worker['name']}")


def test_a_deployment_that_somebody_has_changed_is_found():
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        path = f"/deployments/{deployment.id}"
        client.request("PATCH", path, json={"paused": True}).raise_for_status()
        try:
            assert "deployment `order` is paused" in wrong(prefect.look)
        finally:
            client.request("PATCH", path, json={"paused": False}).raise_for_status()


def test_blocks_as_they_were_seeded_are_well_and_an_edited_one_is_noted():
    assert {each.mark for each in blocks.look()} == {"✓"}
    edited, _ = loading.blocks_from_settings()
    edited.timeout_seconds = 99
    edited.save(loading.NAME, overwrite=True)
    blocks.in_use.cache_clear()
    assert [each.mark for each in blocks.look()] == ["!", "✓"]
    assert blocks.platform().timeout_seconds == 99


def test_the_platform_of_the_block_answers_and_the_archive_keeps_what_is_written(tmp_path):
    assert wrong(parts.platform) == wrong(parts.kept_evidence) == []
    assert list((tmp_path / "archive" / "ordercast-doctor").rglob("*.txt"))


def test_a_server_that_is_away_is_found_and_the_blocks_are_as_the_settings_have_them(monkeypatch):
    monkeypatch.setenv("ORDERCAST_PREFECT__API_URL", "http://127.0.0.1:9/api")
    settings.cache_clear()
    assert "does not answer" in wrong(prefect.look)[0]
    assert list(blocks.look()) == []
    assert blocks.platform().url == settings().platform_url


def test_a_platform_that_refuses_the_token_is_found(tmp_path):
    with served(create_app(f"sqlite:///{tmp_path / 'guarded.db'}", "the-token")) as url:
        assert wrong(lambda: doors.platform(url, "the-token")) == []
        (told,) = wrong(lambda: doors.platform(url, "another"))
    assert "refuses the token" in told


def test_a_schedule_of_which_nothing_is_planned_is_found(prefect_url, planned):
    with get_client(sync_client=True) as client:
        sweep = client.read_deployment_by_name("sweep/sweep")
    of_sweep = {"deployments": {"id": {"any_": [str(sweep.id)]}}}

    def found() -> bool:  # Prefect may just be planning anew
        for run in prefect_api.ask(prefect_url, "POST", "/flow_runs/filter", json=of_sweep):
            prefect_api.ask(prefect_url, "DELETE", f"/flow_runs/{run['id']}")
        fault = "no run of deployment `sweep` is planned, although it has a schedule"
        return fault in wrong(prefect.look)

    wait_for(found, what="the doctor does not say that no sweep is planned")
