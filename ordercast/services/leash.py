"""The leash: a supervised process ends when its supervisor does, however that ended.

`python -m ordercast.services.leash FD MODULE ARGUMENT…` runs the module in this process. FD is
the reading end of a pipe whose other end the supervisor alone holds: it closes when it dies.
"""

import os
import runpy
import signal
import sys
import threading

GRACE_SECONDS = 10


def main() -> None:
    """Run the module, watching the pipe."""
    pipe, module = int(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)  # returns at the end of the pipe: nothing is ever written to it
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
