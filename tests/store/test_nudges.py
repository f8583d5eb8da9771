"""Nudges: who waits is told after the commit, and only then."""

from collections.abc import Iterator

import pytest

from ordercast.store import beats
from ordercast.store.commits import after_commit, with_commit
from ordercast.store.nudges import Listener, Topic, nudge, nudge_after_commit

SOON_SECONDS = 10
SHORTLY_SECONDS = 0.1


@pytest.fixture
def listener(database) -> Iterator[Listener]:
    """A listener that hears, and has heard nothing yet."""
    opened = Listener(Topic.WAKE)
    nudge(Topic.WAKE)
    assert opened.wait(SOON_SECONDS)
    while opened.wait(SHORTLY_SECONDS):
        continue
    yield opened
    opened.close()


def test_a_nudge_wakes_the_listener_of_its_topic_once(listener):
    nudge(Topic.LAUNCH)
    assert not listener.wait(SHORTLY_SECONDS)
    nudge(Topic.LAUNCH, Topic.WAKE)
    assert listener.wait(SOON_SECONDS)
    assert not listener.wait(SHORTLY_SECONDS)


def test_nothing_is_heard_before_the_commit(database, listener):
    with database.write() as session:
        nudge_after_commit(session, Topic.WAKE)
        nudge_after_commit(session, Topic.WAKE)
        assert not listener.wait(SHORTLY_SECONDS)
    assert listener.wait(SOON_SECONDS)
    assert not listener.wait(SHORTLY_SECONDS)


def test_a_transaction_that_fails_nudges_nobody(database, listener):
    with pytest.raises(ZeroDivisionError), database.write() as session:
        nudge_after_commit(session, Topic.WAKE)
        raise ZeroDivisionError
    assert not listener.wait(SHORTLY_SECONDS)


def test_every_listener_of_a_topic_hears_and_one_that_is_closed_does_not_matter(listener):
    other = Listener(Topic.WAKE)
    nudge(Topic.WAKE)
    assert listener.wait(SOON_SECONDS)
    assert other.wait(SOON_SECONDS)
    other.close()
    while listener.wait(SHORTLY_SECONDS):
        continue
    nudge(Topic.WAKE)
    assert listener.wait(SOON_SECONDS)


def test_what_follows_a_commit_sees_what_was_committed_and_cannot_undo_it(database, caplog):
    done = []

    def follow(same):
        with same.read() as session:
            beats.show_alive(session, "follower")
        done.append("after")
        raise ZeroDivisionError

    with database.write() as session:
        with_commit(session, "key", lambda _: done.append("with"))
        with_commit(session, "key", lambda _: done.append("with it, once"))
        after_commit(session, "follow", follow)
        beats.show_alive(session, "follower")
        assert done == []
    assert done == ["with it, once", "after"]
    assert "follow" in caplog.text
