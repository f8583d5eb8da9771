"""A NATS server of the tests' own, with JetStream: on a free port, in a directory."""

import asyncio
import shutil
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import nats
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from tests.waiting import free_port, wait_for

Result = TypeVar("Result")
START_SECONDS = STOP_SECONDS = 30
NO_MORE_SECONDS = 0.5


class NatsServer:
    """A server that can be stopped and started; use it as a context manager.

    With a configuration JetStream is on only if that says so.
    """

    def __init__(self, home: Path, *, configuration: str = "jetstream {{ store_dir: '{home}' }}"):
        self.home, self.port = home, free_port()
        self._configuration = home / "nats.conf"
        self._configuration.write_text(configuration.format(home=home))
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def program() -> str | None:
        return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        where = ["--addr", "127.0.0.1", "--port", str(self.port)]
        command = [self.program() or "nats-server", "--config", str(self._configuration), *where]
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._answers, what="NATS takes no connections", seconds=START_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self._process
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS)

    def do(self, deed: Callable[[Client], Awaitable[Result]]) -> Result:
        """Do something over a connection of its own."""

        async def connected() -> Result:
            client = await nats.connect(self.url, allow_reconnect=False)
            try:
                return await deed(client)
            finally:
                await client.close()

        return asyncio.run(connected())

    def send(self, subject: str, *bodies: bytes, **headers: str) -> None:
        """Put messages into the stream of a subject; they are stored once this returns."""

        async def publish(client: Client) -> None:
            for body in bodies:
                await client.jetstream().publish(subject, body, headers=headers or None)

        self.do(publish)

    def take(self, subject: str) -> list[Any]:
        """All messages that the stream of a subject keeps."""

        async def read(client: Client) -> list[Any]:
            source = await client.jetstream().subscribe(subject, ordered_consumer=True)
            taken = []
            try:
                while True:
                    taken.append(await source.next_msg(NO_MORE_SECONDS))
            except nats.errors.TimeoutError:
                return taken

        return self.do(read)

    def count(self, subject: str) -> int | None:
        """How many messages the stream of a subject keeps; None if there is no stream."""

        async def look(client: Client) -> int | None:
            stream = client.jetstream()
            try:
                name = await stream.find_stream_name_by_subject(subject)
            except NotFoundError:
                return None
            return (await stream.stream_info(name)).state.messages

        return self.do(look)

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.home / "server.log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(5).startswith(b"INFO")
        except OSError:
            return False
