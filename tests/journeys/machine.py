"""A process on a machine of its own: it has its own home, and is kept running as systemd does."""

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.leash import leash, on_leash
from tests.waiting import wait_until_healthy

READY_SECONDS = 300
STOP_SECONDS = 20


@dataclass
class Machine:
    """A process by its name; started again when it ends, unless it is to be down."""

    name: str
    arguments: list[str]
    environment: Mapping[str, str]
    home: Path
    health_url: str | None = None
    process: subprocess.Popen[bytes] | None = None
    is_down: bool = False
    ended: list[int] = field(default_factory=list)

    def start(self) -> None:
        self.home.mkdir(exist_ok=True)
        with (self.home / "output.log").open("ab") as log:
            self.process = subprocess.Popen(
                on_leash(*self.arguments),
                pass_fds=[leash()],
                env={**self.environment, "ORDERCAST_HOME": str(self.home)},
                cwd=self.home,
                stdout=log,
                stderr=log,
            )
        self.is_down = False

    def wait_until_ready(self) -> None:
        assert self.process
        if self.health_url:
            wait_until_healthy(self.health_url, self.process, READY_SECONDS)

    def kill(self) -> None:
        """Kill it without warning; it stays down until it is started."""
        assert self.process
        self.is_down = True
        self.process.kill()
        self.process.wait()

    def watch(self) -> None:
        """Start it again if it has ended by itself."""
        if self.process and not self.is_down and (status := self.process.poll()) is not None:
            self.ended.append(status)
            self.start()

    def stop(self) -> None:
        self.is_down = True
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
