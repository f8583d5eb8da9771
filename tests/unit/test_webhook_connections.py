"""Connections to receivers are used again for as long as the receiver keeps them."""

import asyncio

import pytest

from ordercast.delivery.guard import Guard, parse_networks
from ordercast.delivery.webhook import WebhookChannel

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
LOCAL = Guard(parse_networks("127.0.0.0/8"))


class Receiver:
    """Answers each request; counts connections, and closes them after an answer if told so."""

    def __init__(self, *, hangs_up: bool) -> None:
        self.hangs_up = hangs_up
        self.connections = 0
        self.closed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await _request(reader):
            writer.write(ANSWER)
            await writer.drain()
            if self.hangs_up:
                break
        writer.close()
        await writer.wait_closed()
        self.closed.set()


async def _request(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def post_twice(receiver: Receiver) -> list[int | None]:
    """The statuses of two posts, the second after whatever the receiver did after the first."""
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    channel = WebhookChannel(LOCAL, timeout_seconds=5, connections=2)
    try:
        first = await channel.post(f"http://{host}:{port}/", body=b"", headers={})
        if receiver.hangs_up:
            await asyncio.wait_for(receiver.closed.wait(), 5)
        second = await channel.post(f"http://{host}:{port}/", body=b"", headers={})
        return [first.status, second.status]
    finally:
        await channel.close()
        server.close()


@pytest.mark.parametrize(("hangs_up", "connections"), [(False, 1), (True, 2)])
def test_a_connection_is_used_again_unless_the_receiver_has_closed_it(hangs_up, connections):
    async def played() -> tuple[list[int | None], int]:
        receiver = Receiver(hangs_up=hangs_up)
        return await post_twice(receiver), receiver.connections

    assert asyncio.run(played()) == ([204, 204], connections)
