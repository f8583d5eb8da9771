"""Replays as they were asked for, and how they stand; the relay carries them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from uuid import UUID, uuid4, uuid5

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from config.settings import settings
from ordercast.contracts.replay import NewReplay, ReplayState
from ordercast.domain.errors import Conflict, NotFound
from ordercast.store import orders, replaying, subscribers
from ordercast.store.clock import now
from ordercast.store.nudges import Topic, nudge_after_commit
from ordercast.store.push_tables import PushDelivery, PushEvent, PushReplay
from ordercast.store.replying import SENDERS

TAKEN = {"event_id", "order_no", "subscriber_id", "since", "ended_since", "verdict", "reason"}
"""What a replay keeps of the wish for it as it was said."""

NAMESPACE = UUID("2f4d9a10-6a1c-5d0b-9a7e-0c5d1e8b7f33")
ENDED = (ReplayState.DONE, ReplayState.CANCELLED)
TURNS = {
    ReplayState.PAUSED: ReplayState.RUNNING,
    ReplayState.RUNNING: ReplayState.PAUSED,
}
"""What a replay must be to become so by hand."""


@dataclass(frozen=True)
class Estimate:
    """What a replay would come to: pushes, pushes a second, and about how many seconds."""

    pushes: int
    per_second: float
    seconds: int


def estimate(session: Session, wanted: NewReplay, *, agent: str | None = None) -> Estimate:
    """What a replay would come to, by the rule that carries it out; nothing is written.

    NotFound if the event, order or subscriber that it names does not exist, or is not of the
    agent that asks.
    """
    replay = _row(session, wanted, asked_by="", agent=agent)
    pushes = replaying.count(session, replay)
    return Estimate(pushes, replay.per_second, ceil(pushes / replay.per_second))


def ask(
    session: Session,
    wanted: NewReplay,
    *,
    expected: int,
    asked_by: str,
    key: str | None = None,
    agent: str | None = None,
) -> PushReplay:
    """Have pushes go out once more, an agent's to its own subscribers; NotFound as in `estimate`.

    How many are `expected` is estimated before, in a session that reads: it may take long, and
    on SQLite nobody else can write while this one does. Who gives a key and asks again with it
    gets the replay that there is.
    """
    replay_id = f"rep-{(uuid5(NAMESPACE, key) if key else uuid4()).hex[:12]}"
    if key and (known := session.get(PushReplay, replay_id)):
        return known
    replay = _row(session, wanted, asked_by=asked_by, agent=agent)
    replay.id, replay.expected = replay_id, expected
    session.add(replay)
    nudge_after_commit(session, Topic.REPLAY)
    return replay


def _row(session: Session, wanted: NewReplay, *, asked_by: str, agent: str | None) -> PushReplay:
    """Events that come after this moment are live ones, and no part of the replay."""
    _look_for(session, wanted, agent)
    at = now()
    return PushReplay(
        id="",
        **wanted.model_dump(include=TAKEN),
        agent=agent,
        until=min(wanted.until, at) if wanted.until else at,
        states=[each.value for each in wanted.wanted_states],
        per_second=wanted.per_second or settings().relay.replay_per_second,
        asked_by=asked_by,
        asked_at=at,
        state=ReplayState.RUNNING,
        next_push_at=at,
        due_at=at,
    )


def _look_for(session: Session, wanted: NewReplay, agent: str | None) -> None:
    if wanted.event_id:
        _look_for_event(session, wanted.event_id, agent)
    if wanted.order_no:
        orders.order(session, wanted.order_no, agent=agent)
    if wanted.subscriber_id and (agent is not None or wanted.subscriber_id != SENDERS):
        subscribers.get(session, wanted.subscriber_id, agent=agent)


def _look_for_event(session: Session, event_id: UUID, agent: str | None) -> None:
    event = session.get(PushEvent, event_id)
    if event is None or not orders.is_of(session, event.order_no, agent):
        raise NotFound("event", str(event_id))


def replay(
    session: Session, replay_id: str, *, lock: bool = False, agent: str | None = None
) -> PushReplay:
    """The replay with that id; NotFound if there is none, or not of the agent that is named."""
    found = session.get(PushReplay, replay_id, with_for_update=lock or None)
    if found is None or agent not in (None, found.agent):
        raise NotFound("replay", replay_id)
    return found


def listing(
    session: Session, *, limit: int, offset: int = 0, agent: str | None = None
) -> tuple[int, Sequence[PushReplay]]:
    """The number of replays and a page of them, the newest first; an agent's, if it is named."""
    which = [] if agent is None else [col(PushReplay.agent) == agent]
    total = session.exec(select(func.count()).select_from(PushReplay).where(*which)).one()
    newest = select(PushReplay).where(*which)
    newest = newest.order_by(col(PushReplay.asked_at).desc(), PushReplay.id)
    return total, session.exec(newest.offset(offset).limit(limit)).all()


def of_order(session: Session, order_no: str) -> Sequence[PushReplay]:
    """The replays that were asked for an order, or that its pushes last went out for."""
    went_out = select(PushDelivery.replay_id).where(
        PushDelivery.order_no == order_no, col(PushDelivery.replay_id).is_not(None)
    )
    concerned = or_(PushReplay.order_no == order_no, col(PushReplay.id).in_(went_out))
    newest = col(PushReplay.asked_at).desc()
    return session.exec(select(PushReplay).where(concerned).order_by(newest)).all()


def came_to(session: Session, replay_id: str) -> Mapping[str, int]:
    """The pushes that went out for a replay and no later one, by their states now."""
    query = select(PushDelivery.state, func.count()).where(PushDelivery.replay_id == replay_id)
    return dict(session.exec(query.group_by(PushDelivery.state)).all())


def pause(session: Session, replay_id: str, *, agent: str | None = None) -> PushReplay:
    """Put nothing more back for now; Conflict if it is not running."""
    return _turn(replay(session, replay_id, lock=True, agent=agent), to=ReplayState.PAUSED)


def resume(session: Session, replay_id: str, *, agent: str | None = None) -> PushReplay:
    """Go on where it was; Conflict if it is not paused."""
    found = _turn(replay(session, replay_id, lock=True, agent=agent), to=ReplayState.RUNNING)
    found.due_at = now()
    nudge_after_commit(session, Topic.REPLAY)
    return found


def cancel(session: Session, replay_id: str, *, agent: str | None = None) -> PushReplay:
    """Put nothing more back, ever; what is on its way goes out. Conflict if it has ended."""
    found = replay(session, replay_id, lock=True, agent=agent)
    if found.state in ENDED:
        raise Conflict("{id} is {state}", id=replay_id, state=found.state)
    found.state, found.ended_at = ReplayState.CANCELLED, now()
    return found


def _turn(found: PushReplay, *, to: ReplayState) -> PushReplay:
    before = TURNS[to]
    if found.state != before:
        raise Conflict(
            "{id} is {state}, not {before}", id=found.id, state=found.state, before=before
        )
    found.state = to
    return found
