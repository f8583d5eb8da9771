"""Replay: pushes that are to go out once more are put back, slowly, beside the live ones."""

from config.settings import settings
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.store import replaying
from ordercast.store.clock import now
from ordercast.store.engine import database


def replay(_api: PrefectApi) -> bool:
    """Carry one replay on by a page; whoever holds its row does, so several relays may run."""
    with database().read() as session:
        if not replaying.is_any_due(session, now=now()):
            return False
    most = settings().relay.replay_waiting
    with database().write() as session:
        return replaying.carry_on(session, now=now(), most_waiting=most) is not None
