"""Prefect's own command with its garbage collected in a thread apart, for a server on SQLite.

A cursor that was left open is closed when it is collected, and then waits for its connection,
which may just be waiting for another transaction. In the thread of the event loop, which alone
can end that transaction, all would stand still until SQLite's timeout: a minute.
"""

import gc
import runpy
import threading

SECONDS = 0.5
OLDEST = 2
OLDEST_EVERY = 20
"""Every twentieth time all generations are looked at, else the young ones."""


def collect(stop: threading.Event) -> None:
    """Collect garbage as the interpreter would, but here, until told to stop."""
    turn = 0
    while not stop.wait(SECONDS):
        turn += 1
        gc.collect(OLDEST if turn % OLDEST_EVERY == 0 else OLDEST - 1)


if __name__ == "__main__":
    gc.disable()
    threading.Thread(target=collect, args=(threading.Event(),), daemon=True).start()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
