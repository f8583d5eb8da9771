"""Services stop when they are told to, whichever thread the system gives the signal to."""

import subprocess
import sys

SERVED = """
import signal, sys, threading, time
from ordercast.cli import serve

def main_waits():
    frame = sys._current_frames()[threading.main_thread().ident]
    return frame.f_code.co_filename == threading.__file__

def run(stop):
    looks = 0
    while looks < 2:  # at the second look it has begun to wait
        time.sleep(0.05)
        looks += main_waits()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    print("stops" if stop.wait(10) else "is deaf", flush=True)

sys.modules["taken"] = sys.modules[__name__]
serve.MODULES[serve.Service.GATEWAY] = "taken"
serve.serve([serve.Service.GATEWAY])
"""


def test_a_signal_that_another_thread_has_taken_is_heard(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SERVED],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "stops\n", done.stderr
