"""Four who want to be told: real HTTP servers that check every signature and keep what they got."""

import json
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from ordercast.contracts.subscriber import DEFAULT_EVENT_TYPES, SubscriberKind

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Audience:
    """Who wants to be told, and of what; `agent` narrows it down to that agent's orders."""

    kind: SubscriberKind
    name: str
    agent: str | None = None
    event_types: tuple[str, ...] = ()

    def wants(self, event_type: str, *, agent: str) -> bool:
        """Whether an event of an order of that agent concerns it."""
        patterns = self.event_types or DEFAULT_EVENT_TYPES
        mine = self.agent in (None, agent)
        return mine and any(fnmatchcase(event_type, pattern) for pattern in patterns)


AUDIENCES = (
    Audience(
        SubscriberKind.AGENT,
        "Bluewave Mobile",
        agent="bluewave-mobile",
        event_types=("order.*", "work-order.failed"),
    ),
    Audience(SubscriberKind.PUBLIC, "Public portal 自助门户"),
    Audience(SubscriberKind.INTERNET, "Web shop 线上商城"),
    Audience(SubscriberKind.IOT, "IoT platform 物联网平台"),
)
"""One of each kind. The agent sees its own orders alone, and every failed work order of them."""


@dataclass(frozen=True)
class Push:
    """A push that came with a valid signature."""

    event_id: str
    body: str

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a burst of pushes is no reason to refuse a connection


@dataclass
class Receiver:
    """An HTTP server on a free port: 204 for a push whose signature is right, else 401."""

    audience: Audience
    secret: str = ""
    pushes: list[Push] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                self.send_response(receiver.take(dict(self.headers.items()), body))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the screen belongs to the demo."""

        self._server = _Server((HOST, 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}/ordercast"

    def take(self, headers: dict[str, str], body: str) -> int:
        """Keep a push if its signature is right; the status to answer."""
        by_name = {name.lower(): value for name, value in headers.items()}
        try:
            Webhook(self.secret).verify(body, by_name)
        except (WebhookVerificationError, ValueError) as error:
            with self._lock:
                self.forged.append(f"{by_name.get('webhook-id', 'a push without id')}: {error}")
            return 401
        with self._lock:
            self.pushes.append(Push(by_name["webhook-id"], body))
        return 204
