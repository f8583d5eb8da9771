"""Telling Prefect of task runs: a step that is soon over is told once, when it has ended.

The engine sends an event for each state of a task run: pending, running, completed. Four parts
of the server read every one, which costs it more than anything else of an order. Most steps
take milliseconds, and their last event says all of it: when they began, when they ended, how.
A step that takes longer is shown as running meanwhile. Source: Prefect 3.8.8,
`prefect.task_engine` and `prefect.server.services.task_run_recorder`.
"""

import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any
from uuid import UUID

from prefect import task_engine
from prefect.client.schemas.objects import State, TaskRun
from prefect.events import Event

SHOW_AFTER_SECONDS = 0.5

EMIT = "emit_task_run_state_change_event"
"""The name under which the engine calls it: a contract with this version of Prefect alone."""

Emit = Callable[..., Event | None]


class TaskEvents:
    """Stands between the engine and Prefect's events; threads that do not ask for it pass."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._guard = threading.Lock()
        self._running: dict[UUID, Callable[[], Any]] = {}
        self._of_thread = threading.local()
        self._some_run = threading.Event()

    def spare_this_thread(self) -> None:
        """From now on the steps of this thread are told once."""
        self._of_thread.spared = True

    def __call__(
        self,
        task_run: TaskRun,
        initial_state: State[Any] | None,
        validated_state: State[Any],
        follows: Event | None = None,
    ) -> Event | None:
        """Tell of a state, keep it for a moment, or leave it out; what the engine calls."""
        if not getattr(self._of_thread, "spared", False):
            return self._emit(task_run, initial_state, validated_state, follows)
        if validated_state.is_pending():
            return None
        if validated_state.is_running():
            self._keep(task_run, initial_state, validated_state)
            return None
        with self._guard:
            self._running.pop(task_run.id, None)
        return self._emit(task_run, initial_state, validated_state)

    def _keep(self, task_run: TaskRun, before: State[Any] | None, running: State[Any]) -> None:
        shown, context = task_run.model_copy(), copy_context()
        with self._guard:
            self._running[task_run.id] = lambda: _in(context, self._emit, shown, before, running)
        self._some_run.set()

    def show_forever(self) -> None:
        """Tell of steps that have been running for a while; for a thread of its own."""
        pause = threading.Event()
        while True:
            self._some_run.wait()
            with self._guard:
                begun = set(self._running)
                if not begun:
                    self._some_run.clear()
            pause.wait(SHOW_AFTER_SECONDS)
            for task_run_id in begun:
                with self._guard:
                    show = self._running.pop(task_run_id, None)
                if show:
                    show()


def _in(context: Context, emit: Emit, *arguments: Any) -> None:
    """The context of a run says to which flow and deployment an event belongs."""
    context.run(emit, *arguments)


_guard = threading.Lock()


def spare_this_thread() -> None:
    """From now on Prefect is told once of each step of this thread that is soon over."""
    with _guard:
        events = getattr(task_engine, EMIT)
        if not isinstance(events, TaskEvents):
            events = TaskEvents(events)
            setattr(task_engine, EMIT, events)
            threading.Thread(target=events.show_forever, name="task-events", daemon=True).start()
    events.spare_this_thread()
