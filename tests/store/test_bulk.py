"""Many rows at once are stored as a few are, on either database."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from ordercast.domain.work_order import WorkOrderState
from ordercast.store.bulk import COPIED_FROM, insert_rows
from ordercast.store.clock import now
from ordercast.store.tables import WorkOrder
from tests.orders import order, waiting

TEXT = 'tab\t, line\n, \\N, quote", 工单'


def rows(order_no, count):
    at = now()
    return [
        {
            "id": f"wo-bulk-{n}",
            "order_no": order_no,
            "line_no": 1,
            "name": f"work-{n}",
            "system": None if n % 2 else TEXT,
            "state": WorkOrderState.PENDING,
            "depends_on": [TEXT],
            "parameters": {"name": TEXT, "n": n, "none": None},
            "due_at": at,
            "created_at": at,
            "service_seconds": n,
        }
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, COPIED_FROM - 1, COPIED_FROM, 2500])
def test_rows_are_read_as_they_were_given_however_many_there_are(database, count):
    given = rows(waiting(order())[0], count)
    with database.write() as session:
        insert_rows(session, WorkOrder, given)
    with database.read() as session:
        found = session.exec(select(WorkOrder).where(WorkOrder.name.startswith("work-"))).all()
        read = {row.id: {name: getattr(row, name) for name in given[0]} for row in found}
    assert read == {row["id"]: row for row in given}


@pytest.mark.parametrize("count", [2, COPIED_FROM])
def test_a_row_that_is_there_already_is_refused_and_nothing_of_the_rest_is_stored(database, count):
    given = rows(waiting(order())[0], count)
    with pytest.raises(IntegrityError), database.write() as session:
        insert_rows(session, WorkOrder, [*given, given[0]])
    with database.read() as session:
        assert session.get(WorkOrder, given[0]["id"]) is None
