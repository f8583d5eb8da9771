"""Real servers for the tests and for developers, on free ports and in directories of their own.

`python -m tests.services.serving` runs them until Ctrl-C and prints the settings that lead the
tests to them. With a command, `… serving make test-services`, it runs that with these settings,
and ends with its status.
"""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.ceph import Ceph
from tests.services.mosquitto import Mosquitto
from tests.services.nats import NatsServer
from tests.services.postgres import Cluster
from tests.services.rabbitmq import RabbitNode
from tests.services.redis_server import RedisServer
from tests.services.s3_server import USER

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Server:
    """A kind of server: the programs it lacks here, and how it runs in a directory.

    One that is not shared is for developers: tests move its users and its doors, so each of
    their processes starts its own.
    """

    name: str
    missing: Callable[[], Sequence[str]]
    running: Callable[[Path], AbstractContextManager[Settings]]
    is_shared: bool = True


@contextmanager
def postgres(home: Path) -> Iterator[Settings]:
    with Cluster(home) as cluster:
        url = cluster.admin_url.set(drivername="postgresql")
        yield {"ORDERCAST_TEST_POSTGRES_URL": url.render_as_string(hide_password=False)}


@contextmanager
def s3(home: Path) -> Iterator[Settings]:
    with Ceph(home) as ceph:
        user = ceph.add_user(USER)
        yield {"ORDERCAST_TEST_S3_URL": f"http://{user.key}:{user.secret}@{ceph.endpoint}"}


@contextmanager
def redis(home: Path) -> Iterator[Settings]:
    with RedisServer(home) as server:
        yield {"ORDERCAST_TEST_REDIS_URL": server.url}


@contextmanager
def rabbitmq(home: Path) -> Iterator[Settings]:
    with RabbitNode(home) as node:
        yield {"ORDERCAST_TEST_RABBITMQ": node.url}


@contextmanager
def nats(home: Path) -> Iterator[Settings]:
    with NatsServer(home) as server:
        yield {"ORDERCAST_BROKER__URL": server.url}


@contextmanager
def mosquitto(home: Path) -> Iterator[Settings]:
    with Mosquitto(home):
        yield {}


SERVERS = (
    Server("PostgreSQL", lambda: [] if Cluster.programs() else ["initdb"], postgres),
    Server("RabbitMQ", RabbitNode.missing_programs, rabbitmq, is_shared=False),
    Server("NATS", lambda: [] if NatsServer.program() else ["nats-server"], nats, is_shared=False),
    Server("Mosquitto", Mosquitto.missing_programs, mosquitto, is_shared=False),
    Server("Redis", RedisServer.missing_programs, redis),
    Server("S3", Ceph.missing_programs, s3, is_shared=False),
)
"""Add a server here, and `make services` and `.ci/run` start it."""


@contextmanager
def all_running(*, shared_only: bool, tell: Callable[[str], None]) -> Iterator[Settings]:
    """Run every server whose programs are here; the settings that lead to them."""
    settings: dict[str, str] = {}
    with ExitStack() as stack:
        for server in SERVERS:
            if missing := server.missing():
                tell(f"{server.name}: no {', '.join(missing)}; .ci/services installs it on Debian")
                continue
            if shared_only and not server.is_shared:
                continue
            prefix = f"ordercast-{server.name.lower()}-"
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix))
            settings |= stack.enter_context(server.running(Path(home)))
            tell(f"{server.name} runs in {home}")
        yield settings


def main(command: Sequence[str]) -> int:
    """Run the servers, and beside them the command, or nothing until Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    lacking = [server.name for server in SERVERS if server.missing()]
    if command and lacking:
        _tell(f"{', '.join(lacking)} cannot run here: .ci/services installs what is missing")
        return 1
    try:
        with all_running(shared_only=bool(command), tell=_tell) as settings:
            return _run(command, settings) if command else _show(settings)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT if command else 0


def _run(command: Sequence[str], settings: Settings) -> int:
    with subprocess.Popen(command, env={**os.environ, **settings}) as process:
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            raise


def _show(settings: Settings) -> int:
    """Print the settings for a shell, and wait until Ctrl-C."""
    for name, value in settings.items():
        print(f"export {name}={shlex.quote(value)}", flush=True)
    _tell("Give these lines to a shell and run `make test-services` there. Ctrl-C ends it.")
    while True:
        signal.pause()


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
