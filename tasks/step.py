"""What every step of an order's life has in common.

A step's arguments are ids, its effects are in the database: Prefect keeps no result of it and
caches nothing. It is tried again only while the database is away; it answers whether the order
may go on. Where it fails, its task run says what is to be done before it says why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from prefect import State, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.states import Failed

from ordercast.domain.errors import LeaseLost, OrdercastError, StepFailed, TransientFault, in_words
from ordercast.store.engine import DATABASE_AWAY
from ordercast.store.runs import Lease


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

Work = Callable[[Lease], bool]


@dataclass(frozen=True)
class LifeStep:
    """A step of an order's life, to be called in its flow run."""

    name: str
    fn: Work
    task: Task[[Lease], Any]

    def __call__(self, lease: Lease) -> bool:
        """Whether the order may go on; TransientFault or StepFailed, in words, if it failed."""
        answer = self.task(lease)
        return answer.result() if isinstance(answer, State) else answer


def life_step(*, name: str, cure: str) -> Callable[[Work], LifeStep]:
    """Make a step of an order's life; `cure` is where a person looks first if it fails."""

    def made(work: Work) -> LifeStep:
        return LifeStep(name, work, step(name=name)(_told_in_words(name, cure, work)))

    return made


def _told_in_words(name: str, cure: str, work: Work) -> Callable[[Lease], Any]:
    @wraps(work)
    def told(lease: Lease) -> bool | State:
        try:
            return work(lease)
        except (LeaseLost, *DATABASE_AWAY):
            raise
        except TransientFault as fault:
            why = f"Nothing to do: the order is parked and tried again by itself. Why: {fault}"
            return Failed(name="Parked", message=why, data=fault)
        except Exception as fault:
            if not isinstance(fault, OrdercastError):
                get_run_logger().exception("%s met a fault that nobody foresaw:", name)
            failed = StepFailed(name, cure=cure, reason=in_words(fault))
            return Failed(message=str(failed), data=failed)

    return told
