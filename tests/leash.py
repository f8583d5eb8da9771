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
