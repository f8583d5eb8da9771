"""What the journeys start does not outlive them, however they end."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.service

STARTS_ONE = """
import os, pathlib, sys
from tests.journeys.machine import Machine
home = pathlib.Path(sys.argv[1])
one = Machine("one", ["http.server", sys.argv[2]], os.environ, home / "one")
one.start()
print(one.process.pid, flush=True)
one.process.wait()
"""


def test_a_machine_ends_when_its_test_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE, str(tmp_path), str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as test:
        assert test.stdout
        pid = int(test.stdout.readline())
        test.kill()
    wait_for(lambda: has_ended(pid), what=f"{pid} lives on")


def has_ended(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
