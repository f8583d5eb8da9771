"""`ordercast`: the command of those who run it."""

from config.settings import use_prefect_server

use_prefect_server()  # before anything imports Prefect, which reads its address once

from ordercast.cli.app import app  # noqa: E402

__all__ = ["app"]
