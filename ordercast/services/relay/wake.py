"""Wake: runs whose wait is over are resumed, if and only if they are suspended."""

from ordercast.services.relay.prefect_api import SET_STATE_LIMIT, PrefectApi
from ordercast.store import relaying
from ordercast.store.engine import database
from ordercast.store.nudges import Topic, nudge


def wake(api: PrefectApi) -> bool:
    """Resume the runs that are due, fifty at a time.

    One that is not suspended yet is tried again soon. Only the segment that then finds
    nothing open ends the wait.
    """
    with database().write() as session:
        due = relaying.lease_wakes(session, limit=SET_STATE_LIMIT)
    ids = [run.flow_run_id for run in due if run.flow_run_id]
    if not ids:
        return False
    resumed = api.resume_suspended(ids)
    nudge(Topic.CLAIM)
    if early := [flow_run_id for flow_run_id in ids if flow_run_id not in resumed]:
        with database().write() as session:
            relaying.wake_soon(session, early)
    return len(ids) == SET_STATE_LIMIT
