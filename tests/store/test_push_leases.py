"""Who is due is found by the index, whatever the database knows of its tables."""

from ordercast.store import push_leases
from ordercast.store.clock import now
from tests.store.plans import noted, plan


def test_who_is_due_is_looked_up_in_the_index_while_there_are_no_statistics(database):
    with noted(database) as statements, database.read() as session:
        push_leases.due_subscribers(session, now=now())
    *_, statement = statements
    assert "ix_push_delivery_due" in plan(database, *statement, without=())
