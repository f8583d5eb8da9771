"""Prefect's own command with its garbage collected in a thread apart, for a server on SQLite.

A cursor that was left open is closed when it is collected, and then waits for its connection,
which may just be waiting for another transaction. In the thread of the event loop, which alone
can end that transaction, all would stand still until SQLite's timeout: a minute.
"""

import gc
import runpy
import threading

SECONDS = 0.5
YOUNG, ALL = 1, 2
"""Generations, as the interpreter counts them."""

LOOK_EVERY = 20
"""How many turns there are between two looks at whether all generations are due."""

GROWTH = 0.25
"""All are due once there are so many more objects, which is the interpreter's rule too: to go
through the hundreds of thousands that stay holds up the whole server for a fifth of a second."""


def collect(stop: threading.Event) -> None:
    """Collect garbage as the interpreter would, but here, until told to stop."""
    turn = known = new = 0
    while not stop.wait(SECONDS):
        turn += 1
        new += gc.get_count()[0]
        if turn % LOOK_EVERY == 0 and new > GROWTH * known:
            gc.collect(ALL)
            known, new = len(gc.get_objects()), 0
        else:
            new -= gc.collect(YOUNG)


if __name__ == "__main__":
    gc.disable()
    threading.Thread(target=collect, args=(threading.Event(),), daemon=True).start()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
