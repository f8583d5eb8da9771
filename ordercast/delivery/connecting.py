"""Connections to receivers: made to an address that the guard has checked, and no other."""

import select
import ssl
from collections.abc import Iterable
from typing import Any, cast

import httpcore
import httpx

from ordercast.delivery.guard import Guard


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves and checks a host, then connects to a checked address.

    The name stays in the Host header and in TLS, whose certificate must be for it.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await self._guard.resolve_async(host, port):
            try:
                return WatchedStream(
                    await self._network.connect_tcp(
                        address, port, timeout, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class WatchedStream(httpcore.AsyncNetworkStream):
    """A connection that tells quickly whether there is something to read.

    The pool asks each idle connection for every push that it takes in and gives back, and the
    stream beneath works out all that it knows of its socket each time: with some thirty this
    took a quarter of the loop.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._socket = stream.get_extra_info("socket")
        self._poll = select.poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return WatchedStream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._is_readable() if info == "is_readable" else self._stream.get_extra_info(info)

    def _is_readable(self) -> bool:
        """As of a closed one, too: it is of no more use."""
        return self._socket.fileno() < 0 or bool(self._poll.poll(0))


class GuardedTransport(httpx.AsyncHTTPTransport):
    """An httpx transport whose connections all pass the guard; proxies are not used."""

    def __init__(self, guard: Guard, *, connections: int) -> None:
        trusted = httpx.create_ssl_context()
        super().__init__(verify=trusted, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5,
            network_backend=GuardedBackend(guard),
        )
