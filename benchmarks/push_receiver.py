"""The receiver of the push benchmark: `python -m benchmarks.push_receiver`, a process of its own.

It prints its port. Every POST is answered 204 at once and noted, with its path, its
`webhook-id` and the time (CLOCK_MONOTONIC, which all processes share); a path that is dead
gets no answer. `GET /taken` answers what was noted since the last time, `GET /dead/…` kills
the path that follows, `GET /alive` brings all back.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

END_OF_HEAD = b"\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Notes:
    """What all connections share."""

    taken: list[tuple[str, str, float]] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)


class Connection(asyncio.Protocol):
    """One connection; requests come one after another, each answered before the next."""

    def __init__(self, notes: Notes) -> None:
        self._notes, self._buffer = notes, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(END_OF_HEAD)
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): text for name, _, text in (each.partition(": ") for each in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, path, _ = lines[0].split(" ")
        if method == "GET":
            self._transport.write(self._asked(path))
        elif path not in self._notes.dead:
            self._notes.taken.append((path, headers["webhook-id"], time.monotonic()))
            self._transport.write(NO_CONTENT)

    def _asked(self, path: str) -> bytes:
        notes = self._notes
        if path == "/alive":
            notes.dead.clear()
        elif path.startswith("/dead/"):
            notes.dead.add(path.removeprefix("/dead"))
        else:
            body = json.dumps(notes.taken).encode()
            notes.taken.clear()
            return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        return NO_CONTENT


async def serve() -> None:
    """Receive until standard input ends."""
    notes, loop = Notes(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(notes), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
