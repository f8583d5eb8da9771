"""Claiming: of those that want a run, one has it; a deployment's own limit is counted."""

from typing import Any

from prefect.client.schemas.actions import DeploymentUpdate

from config.prefect_server import DEPLOYMENT
from ordercast.services.worker import claiming
from tests.flows.floor import Floor
from tests.flows.samples import plan_change


def ask(floor: Floor, body: dict[str, Any]) -> dict[str, Any]:
    answer = floor.client.request("POST", claiming.BULK_SET_STATE, json=body)
    return answer.raise_for_status().json()


def test_the_second_claim_on_a_run_is_rejected_even_if_it_saw_the_run_scheduled(
    floor: Floor,
) -> None:
    floor.submit(plan_change())
    floor.launch()
    found = floor.scheduled()
    body = claiming.request(found, claiming.RUNNING)
    assert [each.id for each in claiming.claimed(found, ask(floor, body))] == [found[0].id]
    del body["flow_runs"]["state"]  # as if it had been looked at before the first claim
    assert claiming.claimed(found, ask(floor, body)) == []


def test_a_run_that_was_resumed_can_be_claimed_again(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    floor.report_all(order_no)
    floor.wake()
    found = floor.scheduled()
    claimed = claiming.claimed(found, ask(floor, claiming.request(found, claiming.RUNNING)))
    assert [each.id for each in claimed] == [found[0].id]
    assert claimed[0].run_count == 1


def test_claims_by_way_of_pending_are_counted_by_the_limit_of_the_deployment(
    floor: Floor,
) -> None:
    deployment = floor.client.read_deployment_by_name(DEPLOYMENT)
    floor.client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=1))
    try:
        for _ in range(2):
            floor.submit(plan_change())
        floor.launch()
        found = floor.scheduled()
        claimed = claiming.claimed(found, ask(floor, claiming.request(found, claiming.PENDING)))
        assert len(found) == 2
        assert len(claimed) == 1
    finally:
        floor.client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=None))
