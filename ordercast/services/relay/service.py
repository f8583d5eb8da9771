"""The relay: the loops that launch, wake, deliver, command and recover."""

import threading

from config.settings import settings
from ordercast.services.relay.command import command
from ordercast.services.relay.deliver import deliver_forever
from ordercast.services.relay.launch import launch
from ordercast.services.relay.loop import Loop
from ordercast.services.relay.prefect_server import prepare_until_done
from ordercast.services.relay.recover import Recovery
from ordercast.services.relay.wake import wake


def run(stop: threading.Event) -> None:
    """Run every loop until `stop` is set. Any number of relays may run at once."""
    limits = settings().relay
    often, seldom = limits.poll_seconds, limits.recover_seconds
    loops = [
        threading.Thread(target=deliver_forever, args=(stop,), name="relay-deliver", daemon=True),
        threading.Thread(
            target=prepare_until_done, args=(stop,), name="relay-prepare", daemon=True
        ),
        Loop("launch", launch, pause_seconds=often, stop=stop),
        Loop("wake", wake, pause_seconds=often, stop=stop),
        Loop("command", command, pause_seconds=often, stop=stop),
        Loop("recover", Recovery().round, pause_seconds=seldom, stop=stop),
    ]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
