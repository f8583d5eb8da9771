"""NOTIFY wakes listeners in other processes, also after the server was restarted."""

import signal
import subprocess
import sys
from contextlib import closing, suppress

import pytest

from ordercast.store.engine import DATABASE_AWAY, database
from ordercast.store.nudges import Listener, Topic, nudge, nudge_after_commit
from tests.conftest import forget
from tests.waiting import wait_for

pytestmark = pytest.mark.service

LISTENING = """
import sys
from contextlib import closing
from ordercast.store.nudges import Listener, Topic

with closing(Listener(Topic.DELIVER)) as listener:
    while True:
        if listener.wait(60):
            print("heard", flush=True)
"""


@pytest.fixture
def on_cluster(home, cluster, monkeypatch):
    """A database on a server that the test may restart."""
    with cluster.temporary() as url:
        monkeypatch.setenv("ORDERCAST_DATABASE__URL", url)
        forget()
        yield cluster
        forget()


@pytest.fixture
def other_process(on_cluster, tmp_path):
    """A process that tells each time when it heard something."""
    output = tmp_path / "heard"
    with output.open("wb") as told:
        process = subprocess.Popen([sys.executable, "-c", LISTENING], stdout=told)
    yield lambda: output.read_text().count("heard")
    process.terminate()
    process.wait(30)


def committed_nudge(topic=Topic.DELIVER):
    with database().write() as session:
        nudge_after_commit(session, topic)


def hears_a_nudge(count, send):
    """Nudge until it is heard: the other process may be connecting, or this one may have to."""
    before = count()

    def heard():
        with suppress(*DATABASE_AWAY):
            send()
        return count() > before

    wait_for(heard, what="nobody heard the nudge", seconds=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_another_process_hears_the_commit_and_again_after_a_restart(
    on_cluster, other_process, number
):
    hears_a_nudge(other_process, committed_nudge)
    heard = other_process()
    on_cluster.restart(number)
    wait_for(lambda: other_process() > heard, what="it did not look after the restart")
    hears_a_nudge(other_process, committed_nudge)
    hears_a_nudge(other_process, lambda: nudge(Topic.DELIVER))


def test_all_listeners_of_a_process_share_one_connection(on_cluster):
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'"

    def listening():
        with database().engine.connect() as connection:
            return connection.exec_driver_sql(query).scalar_one()

    opened = [Listener(topic) for topic in Topic]
    wait_for(lambda: listening() == 1, what="nobody listens")
    for each in opened:
        assert each.wait(10)
        each.close()
    wait_for(lambda: listening() == 0, what="the connection stays", seconds=20)


def test_while_the_database_is_away_waiting_ends_and_nudges_stay_within_the_process(on_cluster):
    with closing(Listener(Topic.LAUNCH)) as listener:
        assert listener.wait(10)
        on_cluster.stop()
        assert not listener.wait(0.2)
        nudge(*Topic)
        assert listener.wait(1)
        on_cluster.start()
        assert listener.wait(10)
