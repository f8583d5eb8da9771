"""Prefect is told once of a short step, and of a long one while it runs."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import TaskRun
from prefect.states import Completed, Failed, Pending, Running

from ordercast.services.worker import task_events
from ordercast.services.worker.task_events import TaskEvents
from tests.waiting import wait_for


class Told(list[str]):
    """What came through, by the name of the state."""

    def __call__(self, _run: Any, _before: Any, state: Any, _follows: Any = None) -> None:
        self.append(state.name)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def events(told: Told, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskEvents]:
    monkeypatch.setattr(task_events, "SHOW_AFTER_SECONDS", 0.01)
    yield TaskEvents(told)


def a_task_run() -> TaskRun:
    return TaskRun(id=uuid4(), task_key="receive", dynamic_key="0")


def test_a_thread_that_did_not_ask_for_it_is_told_of_everything(
    events: TaskEvents, told: Told
) -> None:
    run = a_task_run()
    for state in (Pending(), Running(), Completed()):
        events(run, None, state)
    assert told == ["Pending", "Running", "Completed"]


@pytest.mark.parametrize("end", [Completed(), Failed()])
def test_a_short_step_is_told_once_when_it_has_ended(
    events: TaskEvents, told: Told, end: Any
) -> None:
    events.spare_this_thread()
    run = a_task_run()
    for state in (Pending(), Running(), end):
        events(run, None, state)
    assert told == [end.name]


def test_a_step_that_takes_longer_is_shown_as_running_meanwhile(
    events: TaskEvents, told: Told
) -> None:
    threading.Thread(target=events.show_forever, daemon=True).start()
    events.spare_this_thread()
    run = a_task_run()
    events(run, None, Running())
    wait_for(lambda: told == ["Running"], what="the step is not shown", seconds=5)
    events(run, None, Completed())
    assert told == ["Running", "Completed"]
