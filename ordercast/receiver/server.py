"""A small receiver: verifies each push, prints it in one line, and knows which it has had."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from ordercast.receiver.checking import check, in_words
from ordercast.receiver.misbehaving import Manners, Reply
from ordercast.receiver.signatures import Received

MOST_BYTES = 2**20
REMEMBERED = 100_000
REFUSED = Reply(401, "the signature does not hold")
TOO_LARGE = Reply(413, "too large")
UNSIGNED = Reply(411, "say how long it is")


class Receiver:
    """Takes pushes; without a secret they are not verified. `tell` gets one line for each."""

    def __init__(self, manners: Manners, tell: Callable[[str], None], secret: str | None) -> None:
        self._manners, self._tell, self._secret = manners, tell, secret
        self._had: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, headers: dict[str, str], body: bytes) -> Reply:
        """The answer to a push."""
        received = Received.of(headers, body)
        if self._secret and (why := self._why_not(headers, received, self._secret)):
            self._tell(f"401 {_of(body)} {received.message_id or 'without id'}: {why}")
            return REFUSED
        reply, misbehaviour = self._manners.reply()
        again = " again" if self._is_known(received.message_id, misbehaviour is None) else ""
        purpose = f" {misbehaviour} on purpose" if misbehaviour else ""
        status = reply.status or "dropped"
        signed = "verified" if self._secret else "not verified"
        self._tell(f"{status} {_of(body)} {received.message_id} {signed}{again}{purpose}")
        return reply

    def _why_not(self, headers: dict[str, str], received: Received, secret: str) -> str | None:
        try:
            Webhook(secret).verify(received.body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):
            found = check(received, secret, at=datetime.now(UTC))
            if found.difference is None:
                return None  # a body that is not UTF-8, which the library does not read
            skew = f" ({in_words(found.skew_seconds)})" if found.skew_seconds else ""
            return f"{found.difference} {found.detail}".strip() + skew
        return None

    def _is_known(self, message_id: str, is_taken: bool) -> bool:
        """Whether it was taken before; one that is met with a misbehaviour is not taken."""
        with self._lock:
            known = message_id in self._had
            if is_taken and message_id:
                self._had[message_id] = None
                if len(self._had) > REMEMBERED:
                    self._had.popitem(last=False)
        return known


def _of(body: bytes) -> str:
    """What a push is about, in a few words; control characters are shown, not obeyed."""
    try:
        event = json.loads(body)
        told = [str(event[name]) for name in ("type", "subject", "sequence") if name in event]
    except (ValueError, TypeError, RecursionError):
        told = []
    return ascii(" ".join(told))[1:-1] if told else f"{len(body)} bytes"


def serve(receiver: Receiver, host: str, port: int) -> ThreadingHTTPServer:
    """A server on an address, port 0 for any free one; `serve_forever` is the caller's to call."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                self.close_connection = True
                return self._answer(UNSIGNED)
            if int(length) > MOST_BYTES:
                self.close_connection = True
                return self._answer(TOO_LARGE)
            headers = {name.lower(): value for name, value in self.headers.items()}
            return self._answer(receiver.take(headers, self.rfile.read(int(length))))

        def _answer(self, reply: Reply) -> None:
            if reply.rest_seconds:
                threading.Event().wait(reply.rest_seconds)
            if reply.status is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body.encode())))
            self.end_headers()
            self.wfile.write(reply.body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """One line a push is enough."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A sender that has hung up is no fault of ours."""

    return Server((host, port), Handler)
