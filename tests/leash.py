"""A leash for what tests start: it ends when the tests do, however they ended."""

import os
import sys
from functools import cache


@cache
def leash() -> int:
    """The reading end of a pipe whose other end this process alone holds, until it dies."""
    reading, _ = os.pipe()
    return reading


def on_leash(module: str, *arguments: str) -> list[str]:
    """The command that runs a module on the leash, which is to be among its `pass_fds`."""
    held = ["-m", "ordercast.services.leash", str(leash())]
    return [sys.executable, *held, module, *arguments]


def environment() -> dict[str, str]:
    """What this process was told, but for the settings of Ordercast and of Prefect.

    Whom Prefect's clients trust stays: each of them loads it anew.
    """

    def stays(name: str) -> bool:
        return name == "PREFECT_API_SSL_CERT_FILE" or not name.startswith(("ORDERCAST", "PREFECT"))

    return {name: said for name, said in os.environ.items() if stays(name)}
