"""Keeping an outcome: every version once, whoever sends it how often and in what order."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from ordercast.domain.errors import Conflict
from ordercast.services.platform.class_stores import open_store
from ordercast.services.platform.database import PlatformDatabase
from ordercast.services.platform.submission import Submission
from ordercast.services.platform.tables import OrderIndex, OrderTag, OrderVersion, RequestKey
from ordercast.services.platform.wire import KeptVersion


@dataclass(frozen=True)
class Kept:
    """What a PUT is answered, and whether this is the first time."""

    answer: dict[str, Any]
    is_new: bool


@retry(
    retry=retry_if_exception_type(IntegrityError),  # another process kept the same meanwhile
    stop=stop_after_attempt(3),
    reraise=True,
)
def keep(database: PlatformDatabase, submission: Submission) -> Kept:
    """Keep the outcome, durably when this returns; Conflict if the key or version is taken.

    The same content again gets the first answer again. An older version than the newest held
    is kept, but does not become the current one.
    """
    with database.write() as session:
        held = _held_under_key(session, submission) or _held_as_version(session, submission)
        if held is not None:
            return Kept(answer=held.answer, is_new=False)
        return Kept(answer=_keep_new(session, submission), is_new=True)


def _held_under_key(session: Session, submission: Submission) -> OrderVersion | None:
    used = session.get(RequestKey, submission.key)
    if used is None:
        return None
    held = session.get_one(OrderVersion, (used.order_no, used.version))
    same_order = held.order_no == submission.outcome.order_no
    if not same_order or held.sha256 != submission.sha256:
        raise Conflict(
            f"the Idempotency-Key {used.key!r} was used on {_spoken(held.received_at)} for order "
            f"{held.order_no} version {held.version} with other content; send that content again, "
            "or send this content under a new version and its own key"
        )
    return held


def _held_as_version(session: Session, submission: Submission) -> OrderVersion | None:
    outcome = submission.outcome
    held = session.get(OrderVersion, (outcome.order_no, outcome.version))
    if held is None:
        return None
    if held.sha256 != submission.sha256:
        raise Conflict(
            f"version {held.version} of order {held.order_no} is held with other content since "
            f"{_spoken(held.received_at)}; send a correction as a new version"
        )
    session.add(_key_of(submission))
    return held


def _keep_new(session: Session, submission: Submission) -> dict[str, Any]:
    outcome, now = submission.outcome, datetime.now(UTC)
    store = open_store(session, outcome.primary_tag, opened_at=now)
    newest = _index(session, submission)
    version = _version_of(submission, received_at=now, newest=newest)
    session.add(version)
    session.flush()  # should another process be first, this is where it shows
    session.add(_key_of(submission))
    session.add_all(
        OrderTag(tag=tag, order_no=outcome.order_no, version=outcome.version)
        for tag in {outcome.primary_tag, *outcome.tags}
    )
    session.exec(
        insert(store).values(
            order_no=outcome.order_no, version=outcome.version, document=submission.document
        )
    )
    return version.answer


def _index(session: Session, submission: Submission) -> int:
    """Make this the current version unless a newer one is; answers the newest."""
    outcome = submission.outcome
    current = session.get(OrderIndex, outcome.order_no, with_for_update=True)
    if current is not None and current.version > outcome.version:
        return current.version
    row = OrderIndex(
        order_no=outcome.order_no,
        version=outcome.version,
        class_name=outcome.primary_tag,
        state=outcome.state,
        agent=outcome.agent,
        sealed_at=outcome.sealed_at,
        summary=submission.summary,
    )
    session.merge(row)
    return outcome.version


def _version_of(submission: Submission, *, received_at: datetime, newest: int) -> OrderVersion:
    outcome = submission.outcome
    facts = {
        "order_no": outcome.order_no,
        "version": outcome.version,
        "class_name": outcome.primary_tag,
        "state": outcome.state,
        "line_count": sum(outcome.counts.values()),
        "sha256": submission.sha256,
        "received_at": received_at,
    }
    answer = KeptVersion(**facts, current_version=newest).model_dump(mode="json", by_alias=True)
    return OrderVersion(**facts, sealed_at=outcome.sealed_at, answer=answer)


def _key_of(submission: Submission) -> RequestKey:
    outcome = submission.outcome
    return RequestKey(key=submission.key, order_no=outcome.order_no, version=outcome.version)


def _spoken(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
