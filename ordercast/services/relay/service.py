"""The relay: the loops that launch, wake, show, deliver, replay, command and recover."""

import threading
from collections.abc import Callable
from contextlib import closing

from config.settings import settings
from ordercast.services.relay.alert import alert_forever
from ordercast.services.relay.artifact import write_artifacts
from ordercast.services.relay.command import command
from ordercast.services.relay.deliver import deliver_forever
from ordercast.services.relay.launch import launch
from ordercast.services.relay.lines import tell_lines
from ordercast.services.relay.loop import NUDGED_SECONDS, Loop
from ordercast.services.relay.number import number_forever
from ordercast.services.relay.prefect_api import PrefectApi
from ordercast.services.relay.prefect_server import prepare_until_done
from ordercast.services.relay.recover import Recovery
from ordercast.services.relay.recovered import tell_recovered
from ordercast.services.relay.replay import replay
from ordercast.services.relay.waiting import tell_waiting
from ordercast.services.relay.wake import wake
from ordercast.store.nudges import Listener, Topic, nudge

LISTEN_SECONDS = 5


def run(stop: threading.Event) -> None:
    """Run every loop until `stop` is set. Any number of relays may run at once."""
    limits, push = settings().relay, threading.Event()
    often, seldom = limits.poll_seconds, limits.recover_seconds
    loops = [
        _thread(deliver_forever, stop, push),
        _thread(_pass_on, stop, push),
        _thread(number_forever, stop),
        _thread(alert_forever, stop),
        _thread(prepare_until_done, stop),
        Loop(Topic.LAUNCH, launch, pause_seconds=NUDGED_SECONDS, stop=stop),
        Loop(Topic.WAKE, wake, pause_seconds=often, stop=stop),
        Loop(Topic.ARTIFACT, write_artifacts, pause_seconds=often, stop=stop),
        Loop(Topic.LINES, tell_lines, pause_seconds=often, stop=stop),
        Loop(Topic.COMMAND, command, pause_seconds=NUDGED_SECONDS, stop=stop),
        Loop(Topic.REPLAY, replay, pause_seconds=often, stop=stop),
        Loop(Topic.RECOVERED, _tell_prefect, pause_seconds=seldom, stop=stop),
        Loop(Topic.RECOVER, Recovery().round, pause_seconds=seldom, stop=stop),
    ]
    for loop in loops:
        loop.start()
    stop.wait()
    nudge(*Topic)
    for loop in loops:
        loop.join()


def _tell_prefect(api: PrefectApi) -> bool:
    """What Prefect's triggers and automations wait for."""
    tell_waiting(api)
    return tell_recovered(api)


def _thread(target: Callable[..., None], *arguments: threading.Event) -> threading.Thread:
    name = f"relay-{target.__name__.strip('_')}"
    return threading.Thread(target=target, args=arguments, name=name, daemon=True)


def _pass_on(stop: threading.Event, push: threading.Event) -> None:
    """Tell the deliver loop, which is asynchronous, of the nudges that are for it."""
    with closing(Listener(Topic.DELIVER)) as listener:
        while not stop.is_set():
            if listener.wait(LISTEN_SECONDS):
                push.set()
