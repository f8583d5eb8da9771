"""A subscriber's server that verifies every push and remembers it."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver:
    """What came in, by event id; a push whose signature is wrong is counted, not kept."""

    def __init__(self) -> None:
        self.url = ""
        self.secret = ""
        self.forged = 0
        self.events: dict[str, dict[str, Any]] = {}
        self.times: Counter[str] = Counter()

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator["Receiver"]:
        receiver = cls()
        server = ThreadingHTTPServer(("127.0.0.1", 0), receiver.handler())
        receiver.url = f"http://127.0.0.1:{server.server_port}/events"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()
            server.server_close()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(receiver.take(body, dict(self.headers)))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        return Handler

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        lower = {name.lower(): value for name, value in headers.items()}
        try:
            Webhook(self.secret).verify(body.decode(), lower)
        except WebhookVerificationError:
            self.forged += 1
            return 400
        event = json.loads(body)
        self.events[event["id"]] = event
        self.times[event["id"]] += 1
        return 204

    def ids_of(self, order_no: str) -> list[str]:
        """The ids of the order's final events: one, if nothing was doubled."""
        return [
            event["id"]
            for event in self.events.values()
            if event["subject"] == order_no and event["type"].startswith("com.ordercast.order.")
        ]

    def told_of(self, order_no: str) -> bool:
        return bool(self.ids_of(order_no))


@contextmanager
def told_by(ask: Callable[..., httpx.Response]) -> Iterator[Receiver]:
    """A receiver that subscribes to all that a stack tells; `ask` asks its gateway."""
    with Receiver.listening() as listening:
        body = {"kind": "public", "name": "portal", "url": listening.url}
        answer = ask("POST", "/subscribers", json=body).raise_for_status()
        listening.secret = answer.json()["secret"]
        yield listening
