"""Superseding: who asks for the latest only is not told of versions that others have followed.

The caller's transaction holds the rows of the orders.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from ordercast.store.delivery_states import DeliveryState
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber

PENDING = DeliveryState.PENDING.value


def supersede(session: Session, order_nos: Collection[str], *, at: datetime) -> None:
    """End what is pending of earlier versions and not just being sent; the next falls due."""
    wants_latest = select(Subscriber.id).where(col(Subscriber.latest_only).is_(True))
    statement = (
        update(PushDelivery)
        .where(
            col(PushDelivery.order_no).in_(order_nos),
            col(PushDelivery.state) == PENDING,
            col(PushDelivery.subscriber_id).in_(wants_latest),
            or_(
                col(PushDelivery.leased_until).is_(None),
                col(PushDelivery.leased_until) <= at,
            ),
            _is_followed(),
        )
        .values(
            state=DeliveryState.SUPERSEDED.value,
            due_at=None,
            ended_at=at,
            leased_by=None,
            leased_until=None,
        )
        .returning(col(PushDelivery.id))
        .execution_options(synchronize_session=False)
    )
    if ended := session.execute(statement).scalars().all():
        release_next(session, ended, at=at)


def _is_followed():
    """Whether there is an event of a later version for the same subscriber."""
    own, newer, newer_event = aliased(PushEvent), aliased(PushDelivery), aliased(PushEvent)
    return exists().where(
        col(own.id) == col(PushDelivery.event_id),
        col(newer.order_no) == col(PushDelivery.order_no),
        col(newer.subscriber_id) == col(PushDelivery.subscriber_id),
        col(newer.sequence) > col(PushDelivery.sequence),
        col(newer_event.id) == col(newer.event_id),
        col(newer_event.version) > col(own.version),
    )


def release_next(session: Session, ended: Collection[UUID], *, at: datetime) -> None:
    """Of each order and subscriber of deliveries that have ended, the next one falls due."""
    done, later = aliased(PushDelivery), aliased(PushDelivery)
    following = (
        select(later.id)
        .where(
            later.order_no == done.order_no,
            later.subscriber_id == done.subscriber_id,
            later.state == PENDING,
        )
        .order_by(col(later.sequence))
        .limit(1)
        .correlate(done)
        .scalar_subquery()
    )
    first = select(following).select_from(done).where(col(done.id).in_(ended))
    released = (
        update(PushDelivery)
        .where(col(PushDelivery.id).in_(first), col(PushDelivery.due_at).is_(None))
        .values(due_at=at)
    )
    session.execute(released.execution_options(synchronize_session=False))
