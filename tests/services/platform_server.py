"""The reference platform over a real socket, and outcomes to put on it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI

from ordercast.contracts.outcome import Outcome, OutcomeLine

START_SECONDS = 20
SEALED_AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@contextmanager
def served(app: FastAPI, *, port: int = 0) -> Iterator[str]:
    """Serve the application on a port of this machine, a free one for 0; gives its base URL."""
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            assert thread.is_alive() and time.monotonic() < deadline, "the platform did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()


def outcome(**changes: Any) -> Outcome:
    """A completed order of one line, with what a test wants otherwise."""
    facts: dict[str, Any] = {
        "order_no": "ord-20261122-abcdef",
        "version": 1,
        "state": "completed",
        "agent": "agent-x",
        "external_id": "x-1",
        "title": "1 × SIM 激活",
        "priority": 4,
        "products": ["sim-activation"],
        "primary_tag": "agent-channel",
        "tags": ["agent-channel", "sim"],
        "ordered_at": datetime(2026, 11, 22, 8, tzinfo=UTC),
        "sealed_at": SEALED_AT,
        "counts": {"completed": 1},
        "lines": [line(1)],
    }
    return Outcome(**facts | changes)


def line(line_no: int) -> OutcomeLine:
    return OutcomeLine(
        line_no=line_no,
        item_id=str(line_no),
        product="sim-activation",
        action="add",
        state="completed",
        characteristics={"iccid": f"8986{line_no:015d}", "Ki": "***"},
    )
