"""`ordercast demo`: sample orders go through the real services, and all is checked."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from config.settings import settings
from ordercast.demo.checks import checks
from ordercast.demo.failing import DemoFailed
from ordercast.demo.findings import gather
from ordercast.demo.home import fresh_home
from ordercast.demo.performance import (
    Count,
    Doors,
    Performance,
    open_doors,
    open_receivers,
    perform,
)
from ordercast.demo.receivers import Receiver
from ordercast.demo.screen import Screen
from ordercast.demo.stack import Stack, running_stack
from ordercast.demo.story import SAMPLES, expected, secrets_of, shipped_catalogue

INTERRUPTED = 130


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="leave the stack running until Ctrl-C, to look around")
    ] = False,
) -> None:
    """Start a stack on free ports, carry the sample orders to the end, and check everything."""
    screen, home = Screen(), fresh_home(settings().home / "demo")
    try:
        has_succeeded = _Demo(screen, home).run(keep=keep)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(0 if has_succeeded else 1)


class _Demo:
    """One run of the demo: a stack, the orders of the story, the checks."""

    def __init__(self, screen: Screen, home: Path) -> None:
        catalogue = shipped_catalogue()
        self._began, self._up_seconds = time.monotonic(), 0.0
        self._screen, self._home = screen, home
        self._stack: Stack | None = None
        self._story = [expected(each, catalogue) for each in SAMPLES]
        self._secrets = {
            secret: name for each in SAMPLES for secret, name in secrets_of(each, catalogue).items()
        }

    def run(self, *, keep: bool) -> bool:
        """Whether all went as the story has it; what went wrong is told on the screen."""
        self._screen.opening(self._home, len(self._story))
        with ExitStack() as opened:
            try:
                self._play(opened)
                has_succeeded = True
            except DemoFailed as failed:
                self._screen.failure(str(failed), home=self._home, logs=failed.logs)
                has_succeeded = False
            if self._stack:
                self._screen.addresses(self._stack, kept=keep)
                if keep:
                    _wait_for_ctrl_c()
        return has_succeeded

    def _play(self, opened: ExitStack) -> None:
        receivers = opened.enter_context(open_receivers())
        with self._screen.bars() as bars:
            ready = partial(bars, Count.SERVICES)
            starting = running_stack(self._home, tell=ready, stopping=self._screen.stopping)
            self._stack = opened.enter_context(starting)
            self._up_seconds = self._seconds()
            self._secrets[self._stack.api_key] = "the API key"
            doors = opened.enter_context(open_doors(self._stack, self._secrets))
            done = perform(doors, self._story, receivers, bars)
        self._check(doors, done, receivers)

    def _check(self, doors: Doors, done: Performance, receivers: Sequence[Receiver]) -> None:
        assert self._stack
        seen = gather(self._stack, doors, done, receivers, self._secrets)
        compared = checks(done, seen)
        self._screen.results(done, seen)
        self._screen.checks(compared)
        self._screen.times(done, up_seconds=self._up_seconds, whole_seconds=self._seconds())
        if broken := [check for check in compared if check.faults]:
            logs = tuple(dict.fromkeys(name for check in broken for name in check.logs))
            raise DemoFailed(f"{len(broken)} of {len(compared)} checks do not hold", logs=logs)

    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _wait_for_ctrl_c() -> None:
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
