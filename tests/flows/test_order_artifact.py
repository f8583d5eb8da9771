"""What an operator reads of an order in Prefect: one artifact, which says how it stands now."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact

from ordercast.services.relay import artifact
from ordercast.store import relaying
from tests.flows.floor import Floor
from tests.flows.samples import plan_change


def artifacts(floor: Floor, order_no: str) -> list[Artifact]:
    floor.show()
    of_run = ArtifactFilterFlowRunId(any_=[floor.flow_run(order_no).id])
    return floor.client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_run))


def test_a_run_that_waits_again_and_again_has_one_artifact_and_it_is_the_newest(
    floor: Floor,
) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    [first] = artifacts(floor, order_no)
    assert "4 work orders are open" in str(first.data)
    floor.api.resume_suspended([floor.flow_run(order_no).id])
    floor.work()
    floor.complete(order_no)
    [last] = artifacts(floor, order_no)
    assert (last.id, last.key, last.type) == (first.id, order_no, "markdown")
    assert "4 work orders are open" not in str(last.data) and "Waits" in str(first.description)
    assert floor.artifact(order_no) == last.data
    assert "Waits" not in str(last.description)


def test_an_artifact_that_somebody_has_deleted_is_followed_by_another(floor: Floor) -> None:
    order_no = floor.submit(plan_change())
    floor.go(order_no)
    [deleted] = artifacts(floor, order_no)
    floor.client.delete_artifact(deleted.id)
    assert floor.complete(order_no).state == "completed"
    [last] = artifacts(floor, order_no)
    assert last.id != deleted.id and last.key == order_no


def test_an_order_that_cannot_be_shown_holds_no_other_up_and_is_tried_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(session: Any, order_no: str) -> dict[str, str]:
        if order_no == broken:
            raise ValueError("there is no word for it")
        return show(session, order_no)

    broken, whole = floor.submit(plan_change()), floor.submit(plan_change())
    floor.go(whole)
    show = artifact.shown
    monkeypatch.setattr(relaying, "SHOW_AGAIN_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(artifact, "shown", shown)
        assert (len(artifacts(floor, broken)), len(artifacts(floor, whole))) == (0, 1)
    assert len(artifacts(floor, broken)) == 1


def test_while_prefect_is_away_nothing_is_shown_and_afterwards_everything(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> UUID:
        raise httpx.ConnectError("refused")

    order_no = floor.submit(plan_change())
    floor.go(order_no)
    monkeypatch.setattr(relaying, "SHOW_AGAIN_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(floor.api, "make_artifact", away)
        with pytest.raises(httpx.ConnectError):
            floor.show()
    assert len(artifacts(floor, order_no)) == 1
