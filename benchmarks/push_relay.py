"""The relay of the push benchmark: `python -m benchmarks.push_relay`, the deliver loop alone."""

import signal
import threading
from contextlib import closing

from ordercast.services.relay.deliver import deliver_forever
from ordercast.store.nudges import Listener, Topic

LISTEN_SECONDS = 1


def main() -> None:
    """Deliver, told by nudges as the relay is, until SIGTERM."""
    stop, nudge = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_pass_on, args=(stop, nudge), daemon=True).start()
    deliver_forever(stop, nudge)


def _pass_on(stop: threading.Event, nudge: threading.Event) -> None:
    with closing(Listener(Topic.DELIVER)) as listener:
        print("ready", flush=True)
        while not stop.is_set():
            if listener.wait(LISTEN_SECONDS):
                nudge.set()


if __name__ == "__main__":
    main()
