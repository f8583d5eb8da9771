"""Reconciling on a real Prefect server: what differs is found, and mended when asked."""

from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType
from sqlalchemy import MetaData, create_engine
from sqlmodel import delete, select

from flows.reconcile import reconcile
from ordercast.store.engine import database
from ordercast.store.push_tables import PushDelivery, PushEvent
from ordercast.store.tables import ArchiveEntry, OrderRun
from tasks import reconcile_runs
from tests.flows.floor import Floor
from tests.flows.samples import plan_change
from tests.flows.test_redeliver import artifact
from tests.plain_http import HTTP
from tests.store.test_replays import subscribe


@pytest.fixture(autouse=True)
def alone(floor: Floor) -> None:
    """The runs that other tests have left have no order here, and would be found too."""
    deployment = floor.client.read_deployment_by_name(reconcile_runs.DEPLOYMENT)
    live = {"type": {"any_": list(reconcile_runs.LIVE)}}
    body = {"flow_runs": {"deployment_id": {"any_": [str(deployment.id)]}, "state": live}}
    while floor.client.request("POST", "/flow_runs/bulk_delete", json=body).json()["deleted"]:
        continue


def ended(floor: Floor, count: int = 1) -> list[str]:
    order_nos = [floor.submit(plan_change()) for _ in range(count)]
    for order_no in order_nos:
        floor.complete(order_no)
    return order_nos


def run(**more: Any) -> str:
    return reconcile(return_state=True, **more).message or ""


def evidence_of(home: Path, order_no: str) -> Path:
    with database().read() as session:
        entry = session.get_one(ArchiveEntry, (order_no, 1))
    return home / "archive" / entry.bucket / entry.key


def test_when_all_say_the_same_nothing_is_found(floor: Floor) -> None:
    subscribe(database(), "crm")
    ended(floor, 2)
    assert run() == "2 checked, 0 findings, 0 of them mended"
    assert "say the same" in artifact(floor, "reconcile")


def test_gaps_are_found_on_every_side_and_mended_when_asked(floor: Floor, tmp_path: Path) -> None:
    subscribe(database(), "crm")
    one, two, three = ended(floor, 3)
    evidence_of(tmp_path, one).unlink()
    with database().write() as session:
        session.exec(delete(PushDelivery).where(PushDelivery.order_no == two))
        session.exec(delete(PushDelivery).where(PushDelivery.order_no == three))
        session.exec(delete(PushEvent).where(PushEvent.order_no == three))
    assert run() == "3 checked, 3 findings, 0 of them mended"
    told = artifact(floor, "reconcile")
    assert "its evidence is missing" in told and "nobody was told of it" in told
    assert run(mend=True) == "3 checked, 3 findings, 3 of them mended"
    assert run() == "3 checked, 0 findings, 0 of them mended"
    with database().read() as session:
        assert len(session.exec(select(PushDelivery)).all()) == 3


def test_what_the_platform_lacks_is_put_there_and_what_was_altered_is_not_overwritten(
    floor: Floor, tmp_path: Path
) -> None:
    (order_no,) = ended(floor)
    evidence_of(tmp_path, order_no).write_bytes(b"something else")
    forget(tmp_path)
    said = run(mend=True)
    assert said == "1 checked, 2 findings, 1 of them mended"
    assert HTTP.get(f"{floor.platform_url}/orders/{order_no}").status_code == 200
    assert evidence_of(tmp_path, order_no).read_bytes() == b"something else"
    assert "never overwritten" in artifact(floor, "reconcile")


def forget(home: Path) -> None:
    """As if the platform had lost everything."""
    engine, there = create_engine(f"sqlite:///{home / 'platform.db'}"), MetaData()
    with engine.begin() as connection:
        there.reflect(connection)
        for table in reversed(there.sorted_tables):
            if table.name != "order_class":
                connection.execute(table.delete())
    engine.dispose()


def test_a_round_that_has_no_time_goes_on_the_next_time(floor: Floor) -> None:
    ended(floor, 3)
    assert run(limit=2) == "2 checked, 0 findings, 0 of them mended; the rest next time"
    assert run(limit=2) == "1 checked, 0 findings, 0 of them mended"
    assert run() == "3 checked, 0 findings, 0 of them mended"


def test_an_order_whose_run_is_gone_gets_another_and_a_run_without_order_ends(
    floor: Floor, monkeypatch: Any
) -> None:
    monkeypatch.setattr(reconcile_runs, "GRACE", reconcile_runs.timedelta(0))
    lost, orphaned = floor.submit(plan_change()), floor.submit(plan_change())
    floor.go(lost)
    floor.go(orphaned)
    floor.client.delete_flow_run(floor.flow_run(lost).id)
    without_order = floor.flow_run(orphaned).id
    with database().write() as session:
        session.delete(session.get_one(OrderRun, (orphaned, 1)))
    said = run(mend=True)
    assert said.startswith("0 checked, ")
    with database().read() as session:
        assert session.get_one(OrderRun, (lost, 1)).launch_at
    state = floor.client.read_flow_run(without_order).state
    assert state and state.type is StateType.CANCELLED
