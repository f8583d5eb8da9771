"""The life of an order, from receipt to broadcast: one flow run for each version of it."""

from prefect import State, flow
from prefect.states import Failed

from flows.ending import ending
from flows.segment import segment, suspend
from ordercast.domain.errors import StepFailed
from ordercast.domain.order import Stage
from tasks.archive import archive_by_tag
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.sync import sync_to_platform
from tasks.work_orders import generate_work_orders

STEPS = (
    (receive, Stage.RECEIVED),
    (decompose, Stage.DECOMPOSED),
    (generate_work_orders, Stage.GENERATED),
    (await_completion, Stage.SEALED),
    (sync_to_platform, Stage.SYNCED),
    (archive_by_tag, Stage.ARCHIVED),
    (broadcast, Stage.BROADCAST),
)
"""Each step of an order's life, and the stage that it reaches."""


@flow(name="order", validate_parameters=False, persist_result=False)
def order(order_no: str, version: int = 1) -> State:
    """Carry one version of an order as far as it can go.

    A step that answers no has noted what the order waits for: the run is suspended, holds
    nothing, and starts from the top when the relay wakes it, past the steps that are done.
    """
    try:
        with segment(order_no, version) as lease:
            for step, stage in STEPS:
                if lease.reached.is_before(stage) and not step(lease):
                    suspend(lease)
            return ending(lease)
    except StepFailed as failed:
        return Failed(message=str(failed))
