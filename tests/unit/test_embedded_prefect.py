"""Prefect's command as `ordercast up` starts it."""

import gc
import subprocess
import sys
import threading

import prefect

from ordercast.services import embedded_prefect
from tests.waiting import wait_for


class Cycle:
    """Garbage that notes the thread in which it is collected."""

    collected_in: str | None = None

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Cycle.collected_in = threading.current_thread().name


def test_garbage_is_collected_in_a_thread_apart():
    stop = threading.Event()
    thread = threading.Thread(target=embedded_prefect.collect, args=(stop,), name="garbage")
    gc.disable()
    try:
        thread.start()
        Cycle()
        wait_for(lambda: Cycle.collected_in, what="nothing is collected")
    finally:
        gc.enable()
        stop.set()
        thread.join()
    assert Cycle.collected_in == "garbage"


def test_it_is_prefects_own_command(tmp_path):
    command = [sys.executable, "-m", "ordercast.services.embedded_prefect", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == prefect.__version__
