"""Relays prepare a Prefect server: at the same time, and again, and leave alone what people set."""

import threading

import pytest
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectAlreadyExists

from blocks import loading
from blocks.business_platform import BusinessPlatform
from blocks.order_archive import OrderArchive
from config.prefect_server import WORK_POOL
from ordercast.services.relay import deploying, prefect_server
from tests.services.at_once import at_once

RELAYS = 4
KINDS = (BusinessPlatform, OrderArchive)


def forget_blocks():
    with get_client(sync_client=True) as client:
        for kind in KINDS:
            found = client.read_block_type_by_slug(kind.get_block_type_slug())
            client.request("DELETE", f"/block_types/{found.id}").raise_for_status()


def as_filled_in(block):
    own = type(block).model_fields.keys() - Block.model_fields.keys()
    return block.model_dump(include=own)


def prepare_as_a_relay_does():
    """The pool and the blocks; what `prepare_until_done` tries again is tried again."""
    tries = 0
    while True:
        tries += 1
        try:
            with get_client(sync_client=True) as client:
                prefect_server._make_pool(client)
            loading.seed_blocks()
        except ObjectAlreadyExists:
            assert tries < RELAYS
        else:
            return


@pytest.mark.parametrize("attempt", range(3))
def test_the_work_pool_and_the_blocks_are_made_once(floor, attempt):
    forget_blocks()
    at_once(*[prepare_as_a_relay_does] * RELAYS)
    with get_client(sync_client=True) as client:
        assert client.read_work_pool(WORK_POOL).name == WORK_POOL
        for kind in KINDS:
            slug = kind.get_block_type_slug()
            documents = client.request("GET", f"/block_types/slug/{slug}/block_documents").json()
            assert [each["name"] for each in documents] == [loading.NAME]
    made = [as_filled_in(kind.load(loading.NAME)) for kind in KINDS]
    assert made == [as_filled_in(seed) for seed in loading.blocks_from_settings()]


def test_one_that_finds_another_at_it_tries_again_until_all_is_there(floor, monkeypatch):
    stop, faults = threading.Event(), iter([ObjectAlreadyExists(RuntimeError("409"))])

    def prepare(_client):
        if fault := next(faults, None):
            raise fault
        stop.set()

    monkeypatch.setattr(prefect_server, "prepare", prepare)
    prefect_server.prepare_until_done(stop)
    assert stop.is_set()


@pytest.fixture
def client(floor):
    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture
def paused(client):
    """The id of a deployment that an operator has paused, with a limit that is theirs too."""
    report = client.read_deployment_by_name("report/report").id
    change(client, report, paused=True, concurrency_limit=7)
    yield report
    change(client, report, paused=False, concurrency_limit=None)
    deploying.note_applied()


def change(client, deployment, **what):
    client.request("PATCH", f"/deployments/{deployment}", json=what)


def is_as_the_operator_set_it(client, deployment):
    found = client.read_deployment(deployment)
    return (found.paused, found.global_concurrency_limit and found.global_concurrency_limit.limit)


def test_a_relay_that_starts_again_leaves_what_an_operator_has_set(client, paused):
    prefect_server.prepare(client)
    assert is_as_the_operator_set_it(client, paused) == (True, 7)


def test_a_prefect_yaml_that_is_new_is_applied_once(client, paused, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(deploying, "fingerprint", lambda: "of another prefect.yaml")
        prefect_server.prepare(client)
        assert is_as_the_operator_set_it(client, paused) == (False, None)
        change(client, paused, paused=True)
        prefect_server.prepare(client)
        assert client.read_deployment(paused).paused


def test_a_deployment_that_is_gone_is_made_anew_and_the_others_stay_as_they_are(client, paused):
    client.delete_deployment(client.read_deployment_by_name("retention/retention").id)
    assert deploying.missing_deployments(client) == ["retention"]
    prefect_server.prepare(client)
    assert deploying.missing_deployments(client) == []
    assert client.read_deployment(paused).paused
