"""A supervised process: started on a leash, restarted when it ends, stopped when told."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import child_environment

log = logging.getLogger("ordercast.supervisor")

STOP_SECONDS = 30
LONGEST_PAUSE_SECONDS = 30
STEADY_SECONDS = 60


@dataclass
class Child:
    """A process by the name of its service; its output goes to a log file, its id to a pid file."""

    name: str
    arguments: Sequence[str]
    log_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    health_url: str | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restarts: int = 0
    restart_at: float = 0.0

    def start(self, leash: int) -> None:
        """Start the process, held by the reading end of a pipe."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ordercast.services.leash", str(leash), *self.arguments]
        with (self.log_dir / f"{self.name}.log").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[leash],
                env=child_environment(self.environment),
                start_new_session=True,  # Ctrl-C reaches the supervisor, which stops in order
            )
        self.started_at = time.monotonic()
        pid_file = self.log_dir.parent / "run" / f"{self.name}.pid"
        pid_file.parent.mkdir(exist_ok=True)
        whole = pid_file.with_suffix(".new")
        whole.write_text(f"{self.process.pid}\n")
        whole.replace(pid_file)  # whoever reads it sees the old number or the new one

    def watch(self, leash: int) -> None:
        """Start the process again if it has ended, after a pause that grows."""
        if self.process is None or self.process.poll() is None:
            return
        if not self.restart_at:
            steady = time.monotonic() - self.started_at > STEADY_SECONDS
            self.restarts = 1 if steady else self.restarts + 1
            pause = min(2 ** (self.restarts - 1), LONGEST_PAUSE_SECONDS)
            log.warning("%s ended (%s); again in %d s", self.name, self.process.returncode, pause)
            self.restart_at = time.monotonic() + pause
        elif time.monotonic() >= self.restart_at:
            self.restart_at = 0.0
            self.start(leash)

    def stop(self) -> None:
        """Ask the process to stop, and kill it if it has not within 30 s."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("%s does not stop; killed", self.name)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
