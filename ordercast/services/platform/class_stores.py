"""One store per class: a table that is opened when the first order of the class comes."""

import hashlib
import re
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Column, Integer, MetaData, String, Table, Text
from sqlmodel import Session

from ordercast.services.platform.database import lock_opening
from ordercast.services.platform.tables import OrderClass

LONGEST_SLUG = 40  # with prefix and digest well under PostgreSQL's 63 bytes for a name


def store_name(class_name: str) -> str:
    """The table of a class: what is Latin in its name, then a digest that tells it apart.

    Any tag will do, Chinese ones too: the name is of a-z, 0-9 and _ only.
    """
    slug = "_".join(re.findall(r"[a-z0-9]+", class_name.lower()))[:LONGEST_SLUG]
    digest = hashlib.sha256(class_name.encode()).hexdigest()[:12]
    return f"class_{slug}_{digest}" if slug else f"class_{digest}"


@lru_cache(maxsize=1024)
def store_table(store: str) -> Table:
    """The store of a class: every version of its orders, each as one JSON document."""
    return Table(
        store,
        MetaData(),
        Column("order_no", String, primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("document", Text, nullable=False),
    )


def open_store(session: Session, class_name: str, *, opened_at: datetime) -> Table:
    """The store of a class, created within this transaction if the class is new."""
    known = session.get(OrderClass, class_name)
    if known is None:
        lock_opening(session)
        known = session.get(OrderClass, class_name) or _create(session, class_name, opened_at)
    return store_table(known.store)


def _create(session: Session, class_name: str, opened_at: datetime) -> OrderClass:
    created = OrderClass(name=class_name, store=store_name(class_name), opened_at=opened_at)
    store_table(created.store).create(session.connection())
    session.add(created)
    session.flush()
    return created
