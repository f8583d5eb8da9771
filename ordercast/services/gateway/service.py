"""The gateway service."""

import threading

from config.settings import settings
from ordercast.services.gateway.app import create_app
from ordercast.services.http_server import serve_http


def run(stop: threading.Event) -> None:
    """Serve the gateway until `stop` is set."""
    chosen = settings().gateway
    serve_http(create_app(), chosen.host, chosen.port, stop=stop)
