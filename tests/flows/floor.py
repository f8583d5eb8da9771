"""The floor on which orders move in a test: relay, worker and crew, each moved by hand."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactCollectionFilter,
    ArtifactCollectionFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, State
from sqlmodel import col, select

from flows.order import order as order_flow
from ordercast.contracts.report import ReportAnswer, WorkOrderReport
from ordercast.domain.work_order import Result
from ordercast.intake.accept import accept
from ordercast.intake.reporting import take_reports
from ordercast.services.relay.artifact import write_artifacts
from ordercast.services.relay.command import command
from ordercast.services.relay.launch import launch
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.services.relay.recover import Recovery
from ordercast.services.relay.wake import wake
from ordercast.services.worker import claiming
from ordercast.services.worker.segments import SegmentThreads
from ordercast.store import commands, orders, runs, work_orders
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database
from ordercast.store.inbox import RawMessage
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import OrderRun, ServiceOrder, WorkOrder
from ordercast.store.work_orders import WorkOrderFilter
from tests.waiting import wait_for


class Floor:
    """Moves orders one step at a time; nothing happens that a test has not asked for."""

    def __init__(self, client: SyncPrefectClient, threads: SegmentThreads, platform: str) -> None:
        self.client, self.threads, self.platform_url = client, threads, platform
        self.api = PrefectApi(client)
        self.recovery = Recovery()

    @classmethod
    @contextmanager
    def open(cls, platform_url: str) -> Iterator["Floor"]:
        threads = SegmentThreads(4)
        with get_client(sync_client=True) as client:
            yield cls(client, threads, platform_url)
            threads.drain()

    # what people do

    def submit(self, document: dict[str, Any]) -> str:
        body = json.dumps(document).encode()
        receipt = accept(database(), RawMessage(body, "application/json", "test"))
        return receipt.orders[0].order_no

    def ready(self, order_no: str) -> Sequence[WorkOrder]:
        with database().read() as session:
            wanted = WorkOrderFilter(order_no=order_no, state="acknowledged")
            return work_orders.count_and_page(session, wanted, offset=0, limit=100_000)[1]

    def report(self, work_order_id: str, result: str = "completed", **more: Any) -> ReportAnswer:
        fields = {"work_order_id": work_order_id, "result": Result(result), **more}
        return take_reports(database(), [WorkOrderReport(**fields)])[0]

    def report_all(self, order_no: str) -> None:
        """Report everything that is to be done completed, until nothing is left."""
        while ready := self.ready(order_no):
            reports = [WorkOrderReport(work_order_id=r.id, result=Result.COMPLETED) for r in ready]
            take_reports(database(), reports)

    def ask(self, order_no: str, kind: CommandKind, **details: Any) -> str:
        with database().write() as session:
            asked = commands.ask(
                session, order_no, kind, reason="a test", asked_by="tester", details=details
            )
        command(self.api)
        with database().read() as session:
            return commands.command(session, asked.id).answer or ""

    # what relay and worker do

    def launch(self) -> None:
        """Launch until nothing is left: Prefect's SQLite is locked now and then."""

        def all_launched() -> bool:
            launch(self.api)
            with database().read() as session:
                waits = select(OrderRun).where(col(OrderRun.launch_at).is_not(None))
                return not session.exec(waits).all()

        wait_for(all_launched, what="a run is not launched")

    def work(self) -> int:
        """Run a segment of every run that is scheduled; how many there were."""
        futures = [self.threads.submit(order_flow, flow_run) for flow_run in self._claim()]
        for future in futures:
            future.result(120)
        return len(futures)

    def _claim(self) -> list[FlowRun]:
        """Claim what is scheduled, as the worker does."""
        if not (found := self.scheduled()):
            return []
        body = claiming.request(found, claiming.RUNNING)
        answer = self.client.request("POST", claiming.BULK_SET_STATE, json=body)
        return claiming.claimed(found, answer.json())

    def wake(self) -> None:
        wake(self.api)

    def show(self) -> None:
        """Write the artifacts of all that has been at work."""
        while write_artifacts(self.api):
            continue

    def recover(self) -> None:
        self.recovery.round(self.api)

    def go(self, order_no: str) -> ServiceOrder:
        """Launch, work and wake until nothing moves any more."""
        self.launch()
        while self.work():
            self.wake()
        return self.order(order_no)

    def complete(self, order_no: str) -> ServiceOrder:
        """Carry an order to its end, all its work orders completed."""
        self.go(order_no)
        self.report_all(order_no)
        self.wake()
        return self.go(order_no)

    # what there is to see

    def order(self, order_no: str) -> ServiceOrder:
        with database().read() as session:
            return orders.order(session, order_no)

    def run(self, order_no: str, version: int = 1) -> OrderRun:
        with database().read() as session:
            return runs.run_of(session, order_no, version)

    def flow_run(self, order_no: str, version: int = 1) -> FlowRun:
        flow_run_id = self.run(order_no, version).flow_run_id
        assert flow_run_id is not None
        return self.client.read_flow_run(flow_run_id)

    def artifact(self, order_no: str) -> str:
        """What the operators read of an order in the Prefect UI."""
        self.show()
        key = ArtifactCollectionFilterKey(any_=[order_no])
        found = self.client.read_latest_artifacts(artifact_filter=ArtifactCollectionFilter(key=key))
        return str(found[0].data)

    def retry_as_the_ui_does(self, order_no: str) -> None:
        """Press Retry: Prefect forces the run into AwaitingRetry."""
        self.set_state(order_no, AwaitingRetry())

    def state(self, order_no: str, version: int = 1) -> State:
        state = self.flow_run(order_no, version).state
        assert state is not None
        return state

    def set_state(self, order_no: str, state: State, *, force: bool = True) -> None:
        self.client.set_flow_run_state(self.flow_run(order_no).id, state, force=force)

    def events(self, order_no: str) -> list[PushEvent]:
        with database().read() as session:
            query = select(PushEvent).where(PushEvent.order_no == order_no)
            return list(session.exec(query.order_by(col(PushEvent.sequence))))

    def scheduled(self) -> list[FlowRun]:
        of_type = FlowRunFilterStateType(any_=[StateType.SCHEDULED])
        return self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                id=FlowRunFilterId(any_=self._ours()), state=FlowRunFilterState(type=of_type)
            )
        )

    def _ours(self) -> list[UUID]:
        """The flow runs of this test's database: the server is shared."""
        with database().read() as session:
            return [run.flow_run_id for run in session.exec(select(OrderRun)) if run.flow_run_id]

    def task_names(self, order_no: str, count: int) -> list[str]:
        """The names of the order's task runs, once the server has recorded so many."""

        def recorded() -> list[str]:
            runs_ = self.client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[self.flow_run(order_no).id]))
            )
            names = [run.name.rpartition("-")[0] for run in sorted(runs_, key=_started)]
            return names if len(names) >= count else []

        return wait_for(recorded, what=f"fewer than {count} task runs are recorded")


def _started(task_run: Any) -> Any:
    return task_run.start_time or task_run.expected_start_time
