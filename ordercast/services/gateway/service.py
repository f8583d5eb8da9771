"""The gateway service."""

import threading

from fastapi import FastAPI

from config.settings import settings
from ordercast.services.gateway.app import create_app
from ordercast.services.http_server import serve_http


def run(stop: threading.Event) -> None:
    """Serve the gateway until `stop` is set."""
    chosen, app = settings().gateway, create_app()
    threading.Thread(target=_end_streams, args=(app, stop), daemon=True).start()
    serve_http(app, chosen.host, chosen.port, stop=stop)


def _end_streams(app: FastAPI, stop: threading.Event) -> None:
    """The server waits for the end of every answer, and streams have none of their own."""
    stop.wait()
    app.state.feed_tail.close()
    app.state.desk.state.live.close()
