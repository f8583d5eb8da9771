"""What every step of an order's life has in common.

A step's arguments are ids, its effects are in the database: Prefect keeps no result of it and
caches nothing. It is tried again only while the database is away; it answers whether the order
may go on.
"""

from functools import partial
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from ordercast.store.engine import DATABASE_AWAY


def database_is_away(_task: Any, _task_run: Any, state: Any) -> bool:
    """Whether a step failed because the database could not be reached.

    Its commit may have gone through unheard: a step that is tried again looks whether it has.
    """
    return isinstance(state.result(raise_on_failure=False), DATABASE_AWAY)


step = partial(
    task,
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=3,
    retry_delay_seconds=[1, 4, 15],
    retry_condition_fn=database_is_away,
)
