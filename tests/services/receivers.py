"""Real HTTP receivers on loopback, each in its threads, that note what they are sent."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """A push as it arrived; the names of its headers in lower case."""

    headers: dict[str, str]
    raw: bytes
    path: str

    @property
    def body(self) -> str:
        return self.raw.decode()

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers as `answers` says, one for each push, the last one for all that follow.

    An answer is a status, or (status, headers, body), or a callable that does as it likes with
    the handler.
    """

    answers: list[Any] = field(default_factory=lambda: [200])
    delay_seconds: float = 0
    tls: ssl.SSLContext | None = None
    pushes: list[Received] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> "Receiver":
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.server_port}/hook"

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        push = Received(headers, body, handler.path)
        with self._lock:
            place = len(self.pushes)
            self.pushes.append(push)
        time.sleep(self.delay_seconds)  # a slow receiver is what is being tried
        with suppress(BrokenPipeError):  # whoever sent it has not waited
            answer(handler, self.answers[min(place, len(self.answers) - 1)])


def answer(handler: BaseHTTPRequestHandler, wanted: Any) -> None:
    """Answer a push."""
    if callable(wanted):
        return wanted(handler)
    status, headers, text = wanted if isinstance(wanted, tuple) else (wanted, {}, "")
    handler.send_response(status)
    for name, value in {"content-length": str(len(text.encode())), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(text.encode())
    return None


def drop(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def eventually(true: Callable[[], Any], *, within_seconds: float = 20) -> None:
    """Wait until something holds; it must before the time is over."""
    deadline = time.monotonic() + within_seconds
    while not true():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.01)
