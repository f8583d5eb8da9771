"""What is done with a commit: in the last moment of the transaction, or once it is over.

`Database.write` carries it out. The same deed asked for twice, by its key, is done once; if
the transaction fails, nothing is done.
"""

import logging
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from ordercast.store.engine import Database

log = logging.getLogger("ordercast.store")

WITH_IT, AFTER_IT = "with the commit", "after the commit"


def with_commit(session: Session, key: Hashable, deed: Callable[[Session], object]) -> None:
    """Do something at the end of the session's transaction, as a part of it."""
    session.info.setdefault(WITH_IT, {})[key] = deed


def after_commit(session: Session, key: Hashable, deed: Callable[["Database"], None]) -> None:
    """Do something once the transaction is committed and its connection given back.

    What is committed stands: a deed that fails is told in the log. So it must be one that is
    made up for by somebody who looks now and then.
    """
    session.info.setdefault(AFTER_IT, {})[key] = deed


def do_with_commit(session: Session) -> None:
    """Do what is a part of the transaction."""
    for deed in session.info.pop(WITH_IT, {}).values():
        deed(session)


def do_after_commit(session: Session, database: "Database") -> None:
    """Do what was to wait for the commit."""
    for key, deed in session.info.pop(AFTER_IT, {}).items():
        try:
            deed(database)
        except Exception:
            log.exception("what was to follow a commit has failed: %s", key)
