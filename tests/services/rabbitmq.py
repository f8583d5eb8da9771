"""A RabbitMQ server of the tests' own: on free ports, with its node, cookie and port mapper.

Its node is named after its directory, so that any number of such servers may run beside each
other and beside one of the machine's.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel
from aiormq import spec
from aiormq.abc import ChannelFrame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from tests.services.certificates import make_certificate
from tests.waiting import free_port, wait_for

Result = TypeVar("Result")

PROGRAMS = Path("/usr/lib/rabbitmq/bin")
START_SECONDS = STOP_SECONDS = 60

CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {certificate}
loopback_users = none
log.console = false
log.file.level = warning
disk_free_limit.absolute = 1MB
vm_memory_high_watermark.absolute = 1GB
collect_statistics_interval = 60000
"""


class RabbitMQ:
    """A server by its URL, and what tests do to its queues from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def do(self, deed: Callable[[AbstractChannel], Awaitable[Result]]) -> Result:
        """Do something over a connection of its own, with publisher confirms."""

        async def connected() -> Result:
            async with await aio_pika.connect(self.url) as connection:
                return await deed(await connection.channel())

        return asyncio.run(connected())

    def send(self, queue: str, *bodies: bytes, **properties: Any) -> None:
        """Put messages into a queue; they are durable once this returns."""

        async def publish(channel: AbstractChannel) -> None:
            for body in bodies:
                message = aio_pika.Message(body, delivery_mode=2, **properties)
                await channel.default_exchange.publish(message, queue, mandatory=True)

        self.do(publish)

    def send_without_id(self, queue: str, body: bytes, *, reply_to: str | None = None) -> None:
        """Put a message into a queue as other drivers do, without an id; ours makes one."""
        properties = spec.Basic.Properties(delivery_mode=2, reply_to=reply_to)
        frames = [
            spec.Basic.Publish(exchange="", routing_key=queue),
            ContentHeader(properties=properties, body_size=len(body)),
            ContentBody(body),
        ]

        async def publish(channel: AbstractChannel) -> None:
            plain = await channel.get_underlay_channel()
            marshalled = ChannelFrame.marshall(frames=frames, channel_number=plain.number)
            await plain.write_queue.put(marshalled)
            await plain.queue_declare(queue, passive=True)  # answered after it was taken

        self.do(publish)

    def take(self, queue: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
        """Take all messages that lie in a queue."""

        async def get_all(channel: AbstractChannel) -> list[Any]:
            source, taken = await channel.declare_queue(queue, passive=True), []
            while message := await source.get(fail=False):
                await message.ack()
                taken.append(message)
            return taken

        return self.do(get_all)

    def count(self, queue: str) -> tuple[int, int]:
        """How many messages are ready in a queue, and how many consumers it has."""

        async def look(channel: AbstractChannel) -> tuple[int, int]:
            found = await channel.declare_queue(queue, passive=True)
            result = found.declaration_result
            return result.message_count or 0, result.consumer_count or 0

        return self.do(look)

    def has(self, queue: str) -> bool:
        try:
            self.count(queue)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return False
        return True

    def declare(self, queue: str) -> str:
        """Make a durable queue; its name."""
        self.do(lambda channel: channel.declare_queue(queue, durable=True))
        return queue

    def delete(self, *queues: str) -> None:
        async def remove(channel: AbstractChannel) -> None:
            for queue in queues:
                await channel.queue_delete(queue)

        self.do(remove)


class RabbitNode(RabbitMQ):
    """A server that can be stopped and started; use it as a context manager.

    It listens in TLS too, at `tls_url`, with a certificate that nobody knows but `certificate`.
    """

    def __init__(self, home: Path) -> None:
        self.home, self.port, self._mapper_port = home, free_port(), free_port()
        self._tls_port, self._distribution_port = free_port(), free_port()
        self.certificate = home / "certificate.pem"
        self.tls_url = f"amqps://guest:guest@localhost:{self._tls_port}/"
        super().__init__(f"amqp://guest:guest@127.0.0.1:{self.port}/")
        self._node = f"{home.name}@localhost"
        self._process: subprocess.Popen[bytes] | None = None
        self._mapper: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing_programs() -> list[str]:
        missing = [] if (PROGRAMS / "rabbitmq-server").exists() else ["rabbitmq-server"]
        return missing if shutil.which("epmd") else [*missing, "epmd"]

    def __enter__(self) -> Self:
        make_certificate(self.certificate)
        (self.home / "rabbitmq.conf").write_text(
            CONFIGURATION.format(
                port=self.port, tls_port=self._tls_port, certificate=self.certificate
            )
        )
        (self.home / "enabled_plugins").write_text("[].\n")
        mapper = ["epmd", "-port", str(self._mapper_port), "-address", "127.0.0.1"]
        self._mapper = subprocess.Popen(mapper, stderr=subprocess.DEVNULL)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)
        assert self._mapper
        self._mapper.kill()
        self._mapper.wait(STOP_SECONDS)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAMS / "rabbitmq-server"], stdout=log, stderr=log, env=self._environment()
            )

    def wait(self) -> None:
        wait_for(self._answers, what="RabbitMQ takes no connections", seconds=START_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the server; SIGTERM does so in order, SIGKILL is a crash."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS)

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.stop(number)
        self.start()

    def control(self, *arguments: str) -> None:
        """Call rabbitmqctl."""
        command = [PROGRAMS / "rabbitmqctl", "--node", self._node, *arguments]
        subprocess.run(command, check=True, capture_output=True, env=self._environment())

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.home / "server.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            self.do(lambda channel: channel.get_underlay_channel())
        except (aio_pika.exceptions.AMQPError, OSError):
            return False
        return True

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.home),  # the cookie lies there
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RUNNING_UNDER_SYSTEMD": "true",  # the process started is then the server itself
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
        }
