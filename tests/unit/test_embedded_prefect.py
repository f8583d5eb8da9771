"""Prefect's command as `ordercast up` starts it."""

import gc
import subprocess
import sys
import threading

import prefect
import pytest

from config.settings import Settings
from ordercast.services import embedded_prefect
from ordercast.services.supervisor import children_of
from tests.waiting import wait_for

POSTGRESQL = "postgresql://prefect@127.0.0.1/prefect"
ASKED = """
import gc, runpy, sys
sys.argv = ["prefect", "--version"]
try:
    runpy.run_module("ordercast.services.embedded_prefect", run_name="__main__", alter_sys=True)
except SystemExit:
    print(gc.isenabled())
"""


class Cycle:
    """Garbage that notes the thread in which it is collected."""

    collected_in: str | None = None

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Cycle.collected_in = threading.current_thread().name


@pytest.fixture
def collected(monkeypatch):
    """The generations that are collected, one after the other, in a thread of that name."""
    generations = []

    def note(phase, about):
        if phase == "start":
            generations.append(about["generation"])

    monkeypatch.setattr(embedded_prefect, "SECONDS", 0.01)
    monkeypatch.setattr(embedded_prefect, "LOOK_EVERY", 2)
    stop = threading.Event()
    thread = threading.Thread(target=embedded_prefect.collect, args=(stop,), name="garbage")
    gc.disable()
    gc.callbacks.append(note)
    try:
        thread.start()
        yield generations
    finally:
        stop.set()
        thread.join()
        gc.callbacks.remove(note)
        gc.enable()


def test_garbage_is_collected_in_a_thread_apart(collected):
    Cycle()
    wait_for(lambda: Cycle.collected_in, what="nothing is collected")
    assert Cycle.collected_in == "garbage"


def test_what_stays_is_gone_through_again_only_when_there_is_a_quarter_more(collected):
    wait_for(lambda: 2 in collected, what="all are never collected")
    del collected[:]
    wait_for(lambda: len(collected) >= 10, what="nothing is collected")
    assert set(collected) == {1}
    more = [[] for _ in range(len(gc.get_objects()) // 2)]
    wait_for(lambda: 2 in collected, what="all are never collected again")
    assert more


def test_it_is_prefects_own_command_and_its_own_threads_collect_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [prefect.__version__, "False"]


@pytest.mark.parametrize(
    ("url", "module"), [("", "ordercast.services.embedded_prefect"), (POSTGRESQL, "prefect")]
)
def test_up_starts_it_unless_prefect_is_on_postgresql(home, monkeypatch, url, module):
    monkeypatch.setenv("ORDERCAST_PREFECT__DATABASE_URL", url)
    children = {each.name: each for each in children_of(Settings())}
    assert children["prefect"].arguments[:3] == [module, "server", "start"]
