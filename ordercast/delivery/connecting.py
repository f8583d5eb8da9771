"""Connections to receivers: made to an address that the guard has checked, and no other."""

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
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


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
