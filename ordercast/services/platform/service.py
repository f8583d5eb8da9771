"""The reference platform's service."""

import threading

from config.settings import settings
from ordercast.services.http_server import serve_http
from ordercast.services.platform.app import create_app


def run(stop: threading.Event) -> None:
    """Serve the platform until `stop` is set, as the settings say."""
    chosen = settings()
    if not chosen.platform.database_url:
        chosen.home.mkdir(parents=True, exist_ok=True)
    app = create_app(chosen.platform_database_url, chosen.platform.token.get_secret_value())
    serve_http(app, chosen.platform.host, chosen.platform.port, stop=stop)
