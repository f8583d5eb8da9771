"""`ordercast`: the command of those who run it."""

from ordercast.cli.beginning import begin

begin()  # before anything imports Prefect, which reads its address once

from ordercast.cli.app import app  # noqa: E402

__all__ = ["app"]
