"""Launch: every new version of an order gets its flow run."""

import logging
from uuid import UUID

from config.settings import settings
from ordercast.services.relay.prefect_api import CREATE_LIMIT, NewFlowRun, PrefectApi
from ordercast.store import relaying
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.facts import BATCH_LINES
from ordercast.store.nudges import Topic, nudge
from ordercast.store.relaying import Launch

log = logging.getLogger("ordercast.relay")


def launch(api: PrefectApi) -> bool:
    """Create the flow runs that are due, a hundred at a time."""
    with database().write() as session:
        due = relaying.lease_launches(
            session, limit=CREATE_LIMIT, lease_seconds=settings().relay.lease_seconds
        )
    if not due:
        return False
    try:
        made = api.create_runs([flow_run_for(each) for each in due])
    except Exception:
        _give_back(due)
        raise
    with database().write() as session:
        relaying.launched(session, _created(due, made))
    nudge(Topic.CLAIM)
    return len(due) == CREATE_LIMIT


def _give_back(due: list[Launch]) -> None:
    """Nothing came of it: these are due again soon, not only when the lease is over."""
    with database().write() as session:
        relaying.launched(session, {(each.order_no, each.version): None for each in due})


def _created(due: list[Launch], made: dict[str, UUID | str]) -> dict[tuple[str, int], UUID | None]:
    created: dict[tuple[str, int], UUID | None] = {}
    for each in due:
        answer = made[key_of(each)]
        if isinstance(answer, str):
            log.warning("%s cannot be launched yet: %s", each.order_no, answer.split("\n")[0])
        created[each.order_no, each.version] = answer if isinstance(answer, UUID) else None
    return created


def key_of(launch: Launch) -> str:
    """The idempotency key of a version's flow run."""
    return f"{launch.order_no}:{launch.version}"


def flow_run_for(launch: Launch) -> NewFlowRun:
    """What the operators see of a version of an order in the Prefect UI."""
    version = f" v{launch.version}" if launch.version > 1 else ""
    return NewFlowRun(
        key=key_of(launch),
        name=f"{launch.order_no}{version} · {launch.title}",
        parameters={"order_no": launch.order_no, "version": launch.version},
        tags=_tags(launch),
        start_at=launch.start_at if launch.start_at > now() else None,
    )


def _tags(launch: Launch) -> list[str]:
    tags = [f"agent:{launch.agent}", *(f"product:{product}" for product in launch.products)]
    return [*tags, "batch"] if launch.line_count >= BATCH_LINES else tags
