"""The timeline of an order: what happened to it, out of everything that is kept of it."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from ordercast.domain.happenings import Happening, Kind, newest_first
from ordercast.store import commands, replays
from ordercast.store.inbox import MessageOutcome
from ordercast.store.order_page import Head, Version
from ordercast.store.push_tables import PushDelivery, PushEvent
from ordercast.store.pushes import LINES_ENDED
from ordercast.store.tables import (
    CompletionReport,
    ExclusiveClaim,
    InboxMessage,
    OrderOutcome,
    OrderRun,
    ServiceOrder,
    WorkOrder,
)

ONE_BY_ONE = 30
"""More reports or messages than that are told in sums."""

OF_MESSAGES = {
    MessageOutcome.ACCEPTED: Kind.RECEIVED,
    MessageOutcome.CHANGED: Kind.CHANGED,
    MessageOutcome.CONFLICT: Kind.CONFLICT,
}


def timeline(session: Session, head: Head, versions: Sequence[Version]) -> Sequence[Happening]:
    """What happened to an order, the newest first."""
    order_no = head.order.order_no
    return newest_first(
        [
            *_messages(session, head.order),
            *_work(session, head),
            *_claims(session, order_no),
            *_reports(session, order_no),
            *_commands(session, order_no),
            *(each for version in versions for each in _outcome(session, version)),
            *_events(session, order_no),
            *_waits(head.run),
        ]
    )


def _messages(session: Session, order: ServiceOrder) -> Iterator[Happening]:
    query = select(
        InboxMessage.received_at, InboxMessage.outcome, InboxMessage.source, InboxMessage.dialect
    ).where(InboxMessage.order_no == order.order_no)
    kept = session.exec(query.order_by(col(InboxMessage.received_at)).limit(ONE_BY_ONE)).all()
    for at, outcome, source, dialect in kept:
        if kind := OF_MESSAGES.get(MessageOutcome(outcome)):
            yield Happening(at, kind, {"source": source, "dialect": dialect})
    if not kept:
        yield Happening(order.ordered_at, Kind.RECEIVED, {"source": None, "dialect": None})


def _work(session: Session, head: Head) -> Iterator[Happening]:
    order = head.order
    if order.started_at:
        yield Happening(order.started_at, Kind.STARTED, {"lines": order.line_count})
    made = select(WorkOrder.created_at).where(WorkOrder.order_no == order.order_no)
    if at := session.exec(made.limit(1)).first():
        yield Happening(at, Kind.GENERATED, {"n": sum(head.work_counts.values())})


def _claims(session: Session, order_no: str) -> Iterator[Happening]:
    query = select(func.min(ExclusiveClaim.claimed_at), func.count()).where(
        ExclusiveClaim.order_no == order_no
    )
    at, total = session.exec(query).one()
    if at:
        yield Happening(at, Kind.CLAIMED, {"n": total})


def _reports(session: Session, order_no: str) -> Iterator[Happening]:
    of_order = col(CompletionReport.order_no) == order_no
    query = select(CompletionReport).where(of_order).limit(ONE_BY_ONE + 1)
    some = session.exec(query).all()
    if len(some) <= ONE_BY_ONE:
        for each in some:
            facts = each.model_dump(
                include={"work_order_id", "result", "verdict", "code", "text", "reporter"}
            )
            yield Happening(each.received_at, Kind.REPORTED, facts)
        return
    by = (CompletionReport.verdict, CompletionReport.result)
    first, last = func.min(CompletionReport.received_at), func.max(CompletionReport.received_at)
    sums = select(*by, func.count()).add_columns(first, last).where(of_order).group_by(*by)
    for verdict, result, total, since, until in session.execute(sums):
        facts = {"verdict": verdict, "result": result, "n": total, "since": since}
        yield Happening(until, Kind.REPORTS, facts)


def _commands(session: Session, order_no: str) -> Iterator[Happening]:
    for each in commands.of_order(session, order_no):
        facts = {"command": each.kind, "who": each.asked_by, "reason": each.reason}
        yield Happening(each.asked_at, Kind.ASKED, facts)
        if each.done_at:
            told = {"command": each.kind, "state": each.state, "answer": each.answer}
            yield Happening(each.done_at, Kind.ANSWERED, told)
    for replay in replays.of_order(session, order_no):
        facts = {"who": replay.asked_by, "reason": replay.reason, "state": replay.state}
        yield Happening(replay.asked_at, Kind.REPLAYED, facts)


def _outcome(session: Session, version: Version) -> Iterator[Happening]:
    run, n = version.run, version.run.version
    sealed_at = session.exec(
        select(OrderOutcome.sealed_at).where(
            OrderOutcome.order_no == run.order_no, OrderOutcome.version == n
        )
    ).first()
    if sealed_at:
        facts = {"version": n, "state": version.state, "tags": version.tags}
        yield Happening(sealed_at, Kind.SEALED, facts)
    if version.sync:
        facts = {"version": n, "status": version.sync.status}
        yield Happening(version.sync.synced_at, Kind.SYNCED, facts)
    if version.archived:
        facts = {"version": n, "bucket": version.archived.bucket}
        yield Happening(version.archived.archived_at, Kind.ARCHIVED, facts)


def _events(session: Session, order_no: str) -> Iterator[Happening]:
    """The order's own events, and when the last of those who are told of each had heard it."""
    events = session.exec(
        select(PushEvent.id, PushEvent.type, PushEvent.version, PushEvent.occurred_at)
        .where(
            PushEvent.order_no == order_no,
            col(PushEvent.type).startswith("order."),
            PushEvent.type != LINES_ENDED,
        )
        .order_by(col(PushEvent.sequence).desc())
        .limit(ONE_BY_ONE)
    ).all()
    for event_id, name, version, at in events:
        kind = Kind.REOPENED if name == "order.reopened" else Kind.EVENT
        yield Happening(at, kind, {"event": name, "version": version})
        query = select(PushDelivery.state, func.count(), func.max(PushDelivery.ended_at))
        states = session.exec(
            query.where(PushDelivery.event_id == event_id).group_by(PushDelivery.state)
        ).all()
        for state, total, ended_at in states:
            if ended_at:
                yield Happening(ended_at, Kind.TOLD, {"event": name, "state": state, "n": total})


def _waits(run: OrderRun) -> Iterator[Happening]:
    if run.waiting_for and run.waiting_since and run.ended_at is None:
        facts = {"waiting_for": run.waiting_for, "reason": run.waiting_reason}
        yield Happening(run.waiting_since, Kind.WAITS, facts)
