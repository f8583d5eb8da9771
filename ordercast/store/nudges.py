"""Nudges: whoever waits for something in the database is told at once that it is there.

On SQLite a nudge is a datagram to every listener of its topic on this machine, sent after the
commit; on PostgreSQL a notification to those on all machines, sent by the commit itself. It
carries nothing and may be lost: each listener also looks by itself now and then.
"""

from sqlalchemy.orm import Session

from ordercast.store import datagrams, notifications
from ordercast.store.commits import after_commit, with_commit
from ordercast.store.engine import database
from ordercast.store.topics import Topic

__all__ = ["Listener", "Topic", "nudge", "nudge_after_commit"]

NUDGED = "topics that are nudged"


def nudge_after_commit(session: Session, topic: Topic) -> None:
    """Nudge the listeners of a topic once the session's transaction has been committed."""
    if session.get_bind().dialect.name == "postgresql":
        topics = session.info.setdefault(NUDGED, set())
        topics.add(topic)
        with_commit(session, NUDGED, lambda _: _notify(session, topics))
    else:
        after_commit(session, topic, lambda _: datagrams.send(topic))


def _notify(session: Session, topics: set[Topic]) -> None:
    notifications.notify(session.connection(), sorted(topics))
    topics.clear()


def nudge(*topics: Topic) -> None:
    """Nudge the listeners of topics now."""
    if database().is_sqlite:
        for topic in topics:
            datagrams.send(topic)
    else:
        notifications.notify_now(database(), topics)


class Listener:
    """Hears the nudges of a topic, from whichever process they come."""

    def __init__(self, topic: Topic) -> None:
        self._ear = (
            datagrams.DatagramListener(topic)
            if database().is_sqlite
            else notifications.NotificationListener(database(), topic)
        )

    def wait(self, seconds: float) -> bool:
        """Wait for a nudge, at most so long; whether there was one. Those queued count as one."""
        return self._ear.wait(seconds)

    def close(self) -> None:
        """Hear nothing more."""
        self._ear.close()
