"""Serving an application over HTTP until an event says stop."""

import threading

import uvicorn
from starlette.types import ASGIApp

GRACE_SECONDS = 20
"""Less than the 30 s after which the supervisor kills a service."""


def serve_http(app: ASGIApp, host: str, port: int, *, stop: threading.Event) -> None:
    """Serve in this thread; requests that are being answered end before it returns.

    One that takes longer than the grace, for a client that no longer reads perhaps, is cut off.

    SystemExit if the address cannot be listened on.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_when, args=(server, stop), daemon=True).start()
    server.run()


def _stop_when(server: uvicorn.Server, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True
