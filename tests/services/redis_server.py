"""A Redis server of the tests' own: on a free port, in a directory, which it outlives by a log."""

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from tests.waiting import free_port, wait_for

PROGRAM = "redis-server"
START_SECONDS = STOP_SECONDS = 30

OPTIONS = {
    "bind": "127.0.0.1",
    "daemonize": "no",
    "save": "",
    "appendonly": "yes",  # what was written is read again after a crash of the process
    "appendfsync": "everysec",
}


class RedisServer:
    """A server that can be stopped and started; use it as a context manager."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing_programs() -> list[str]:
        return [] if shutil.which(PROGRAM) else [PROGRAM]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it takes commands."""
        options = {**OPTIONS, "port": str(self.port), "dir": str(self.home)}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, *arguments], stdout=log, stderr=log, cwd=self.home
            )
        wait_for(self._answers, what="Redis takes no commands", seconds=START_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server; SIGTERM ends it in order, SIGKILL is a crash."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS)

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.stop(number)
        self.start()

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.home / "server.log").read_text()
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False
