"""Accept: orders that other systems ask for by an event in Prefect."""

from prefect import State, flow
from prefect.states import Completed, Failed

from ordercast.domain.moments import parse_moment
from ordercast.store.clock import now
from tasks.order_events import in_words, take_orders_asked_for

WHY = "Read why with `ordercast inbox list --outcome refused`; the sender was answered by an event."


@flow(name="accept", persist_result=False)
def accept(since: str = "1h") -> State:
    """Take the order of every event since then that no run has read yet.

    The event that started a run is one of them, so events that come close together may share
    a run, and one that started none is taken by the next. `since` is ISO 8601 or how long ago.
    """
    taken = take_orders_asked_for(parse_moment(since, at=now()))
    if all(each.order_no for each in taken):
        return Completed(message=in_words(taken))
    return Failed(name="Refused", message=f"{in_words(taken)}. {WHY} Retrying changes nothing.")
