"""Redeliver: pushes go out once more, on demand, on a schedule, or when somebody is back."""

from uuid import uuid4

from prefect import flow
from prefect.runtime import flow_run

from flows.replay_artifact import publish_replay
from tasks.replay import ask_for_replay, wait_for_replay


@flow(name="redeliver", persist_result=False)
def redeliver(
    subscriber_id: str | None = None,
    order_no: str | None = None,
    event_id: str | None = None,
    since: str | None = None,
    until: str | None = None,
    ended_since: str | None = None,
    states: list[str] | None = None,
    verdict: str | None = None,
    per_second: float | None = None,
    reason: str = "asked for in Prefect",
    wait_seconds: float = 0,
) -> str:
    """Ask for a replay and show it; the relay carries it out, however long it takes.

    All that is given must hold; `since` and `until`, when the event happened, and `ended_since`,
    when the push ended, are ISO 8601 or how long ago (`24h`). A run that is tried again asks for
    nothing new. Waiting holds a thread of the worker.
    """
    wanted = {
        "subscriber_id": subscriber_id,
        "order_no": order_no,
        "event_id": event_id,
        "since": since,
        "until": until,
        "ended_since": ended_since,
        "states": states,
        "verdict": verdict,
        "per_second": per_second,
        "reason": reason,
    }
    key, name = str(flow_run.id or uuid4()), flow_run.name or "a run"
    replay_id = ask_for_replay(wanted, asked_by=f"prefect: {name}", key=key)
    if wait_seconds:
        wait_for_replay(replay_id, seconds=wait_seconds)
    publish_replay(replay_id)
    return replay_id
