"""A Mosquitto broker of the tests' own: on free ports, with users, rights, and TLS beside it."""

import shutil
import signal
import socket
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.services.certificates import make_certificate
from tests.waiting import free_port, wait_for

PROGRAM, PASSWORDS = "mosquitto", "mosquitto_passwd"
START_SECONDS = STOP_SECONDS = 30
USERS = {"ordercast": "hunter2", "partner": "secret", "guest": "guest"}

CONFIGURATION = """
persistence true
persistence_location {home}/
allow_anonymous false
max_queued_messages 0
password_file {home}/users
acl_file {home}/rights
listener {port} 127.0.0.1
listener {tls_port} 127.0.0.1
certfile {home}/broker.pem
keyfile {home}/broker.pem
"""

RIGHTS = """
user ordercast
topic readwrite #
user partner
topic readwrite #
user guest
topic read #
"""


class Mosquitto:
    """A broker that can be stopped and started; use it as a context manager."""

    def __init__(self, home: Path) -> None:
        self.home, self.port, self.tls_port = home, free_port(), free_port()
        self.url = f"mqtt://ordercast:hunter2@127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing_programs() -> list[str]:
        return [each for each in (PROGRAM, PASSWORDS) if not shutil.which(each)]

    @property
    def certificate(self) -> Path:
        """The broker's own certificate, for `localhost`: who trusts it trusts the broker."""
        return self.home / "broker.pem"

    def __enter__(self) -> Self:
        (self.home / "users").write_text("")
        for name, password in USERS.items():
            command = [PASSWORDS, "-b", str(self.home / "users"), name, password]
            subprocess.run(command, check=True, capture_output=True)
        (self.home / "rights").write_text(RIGHTS)
        make_certificate(self.certificate)
        ports = {"home": self.home, "port": self.port, "tls_port": self.tls_port}
        (self.home / "mosquitto.conf").write_text(CONFIGURATION.format(**ports))
        for path in (self.home, *self.home.iterdir()):
            path.chmod(0o755)  # started by root, the broker becomes another user
        (self.home / "log").mkdir()
        self.home.chmod(0o777)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the broker and wait until it takes connections."""
        with (self.home / "log" / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", str(self.home / "mosquitto.conf")], stdout=log, stderr=log
            )
        wait_for(self._answers, what="Mosquitto takes no connections", seconds=START_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the broker; SIGTERM ends it in order, SIGKILL is a crash."""
        assert self._process
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        self._process.wait(STOP_SECONDS)

    @contextmanager
    def hanging(self):
        """The broker takes connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def connections(self) -> int:
        """How many clients have connected since it started, as its log says."""
        log = (self.home / "log" / "server.log").read_text()
        return log.count("as ordercast-")

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.home / "log" / "server.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


class Consumer:
    """A plain MQTT 5 client of the partner's; use it as a context manager."""

    def __init__(self, broker: Mosquitto, topic: str) -> None:
        self._topic, self.messages = topic, []
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.username_pw_set("partner", USERS["partner"])
        self._client.on_connect = lambda client, *_: client.subscribe(self._topic, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)
        self._port = broker.port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._ready.wait(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, count: int) -> list[paho.MQTTMessage]:
        wait_for(lambda: len(self.messages) >= count, what=f"fewer than {count} messages came")
        return self.messages
