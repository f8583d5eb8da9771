"""The artifact of a replay: what an operator reads of it in the Prefect UI."""

from prefect.artifacts import create_markdown_artifact

from flows.templates import template
from ordercast.delivery.explaining_replays import explain_replay
from ordercast.store import replays
from ordercast.store.engine import database


def publish_replay(replay_id: str) -> None:
    """Write how a replay stands: one API call."""
    with database().read() as session:
        shown = explain_replay(session, replays.replay(session, replay_id))
    text = template("replay.md.j2").render(replay=shown)
    create_markdown_artifact(text, key=replay_id, description=shown["reason"])
