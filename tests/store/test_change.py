"""PATCH: an order can be changed until work on it starts, and not afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from ordercast.domain.errors import Conflict, InvalidMessage, NotFound
from ordercast.intake.change import change
from ordercast.store import cancelling, commands, inbox
from ordercast.store.inbox import RawMessage
from ordercast.store.tables import InboxMessage
from tasks.decompose import decompose
from tasks.receive import receive
from tests.orders import (
    JSON,
    body,
    item,
    lease,
    line_states,
    order,
    run_of,
    stored,
    submit,
)


def patch(database, order_no, document):
    raw = document if isinstance(document, bytes) else body(document)
    change(database, order_no, RawMessage(raw, JSON, "test"))


def outcomes(database):
    with database.read() as session:
        return sorted(each.outcome for each in session.exec(select(InboxMessage)))


def test_what_is_given_replaces_null_removes_and_the_rest_stays(database):
    document = order(description="开通", category="iot", externalId="1")
    order_no = submit(document)
    patch(database, order_no, {"description": "停机", "category": None, "priority": "1"})
    changed = stored(order_no)
    assert changed.document["description"] == "停机"
    assert "category" not in changed.document
    assert (changed.category, changed.priority, changed.external_id) == (None, 1, "1")
    assert run_of(order_no).priority == 1


def test_items_are_replaced_as_a_whole_and_decomposed_as_changed(database):
    order_no = submit(order(item("1"), item("2")))
    patch(database, order_no, {"serviceOrderItem": [item("9", product="sim-activation")]})
    assert stored(order_no).line_count == 1
    held = lease(order_no)
    receive.fn(held)
    decompose.fn(held)
    assert line_states(order_no) == ["rejected"]  # it lacks what an activation needs


def test_the_changed_order_is_kept_sealed_as_a_message_of_its_own(database):
    order_no = submit(order())
    patch(database, order_no, {"description": "停机"})
    with database.read() as session:
        kept = inbox.message(session, stored(order_no).message_id)
    assert kept.outcome == "changed"
    assert "停机" in inbox.plain_body(kept).decode()


def test_a_new_start_moves_the_run_and_asks_the_relay_to_reschedule(database):
    order_no = submit(order())
    start = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
    patch(database, order_no, {"requestedStartDate": start.isoformat()})
    assert run_of(order_no).start_at == start
    patch(database, order_no, {"requestedStartDate": None})
    assert run_of(order_no).start_at <= datetime.now(UTC)
    with database.read() as session:
        asked = commands.of_order(session, order_no)
    assert [each.kind for each in asked] == ["reschedule", "reschedule"]


def test_the_first_message_again_still_means_the_changed_order(database):
    document = order(externalId="1", description="开通")
    order_no = submit(document)
    patch(database, order_no, {"description": "停机"})
    assert submit(document) == order_no
    assert submit({**document, "description": "停机"}) == order_no
    with pytest.raises(Conflict, match="description"):
        submit({**document, "description": "其他"})


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"state": "completed"}, "state"),
        ({"id": "x"}, "id"),
        ({"serviceOrderItem": []}, "serviceOrderItem"),
        ({"serviceOrderItem": None}, "serviceOrderItem"),
        ({"serviceOrderItem": [{"id": "1"}]}, "serviceOrderItem[0].action"),
        ({"requestedStartDate": "soon"}, "requestedStartDate"),
        ({"relatedParty": [{"id": "other", "role": "agent"}]}, "relatedParty"),
        ([], "body"),
        (b"", "body"),
        (b"\xff", "body"),
    ],
)
def test_a_patch_that_is_wrong_names_the_field_changes_nothing_and_is_kept(
    database, document, field
):
    order_no = submit(order())
    before = stored(order_no).model_dump()
    with pytest.raises(InvalidMessage) as refused:
        patch(database, order_no, document)
    assert refused.value.problems[0].field == field
    assert refused.value.message_id
    assert stored(order_no).model_dump() == before
    assert outcomes(database) == ["accepted", "refused"]


def test_it_is_too_late_once_work_has_started_or_cancelling_was_asked(database):
    started, cancelled = submit(order()), submit(order())
    receive.fn(lease(started))
    with database.write() as session:
        cancelling.cancel(session, cancelled)
    for order_no in (started, cancelled):
        with pytest.raises(Conflict, match="too late to change"):
            patch(database, order_no, {"description": "停机"})


def test_an_external_id_can_be_changed_but_not_to_that_of_another_order(database):
    submit(order(externalId="1"))
    order_no = submit(order(externalId="2"))
    with pytest.raises(Conflict, match="another order"):
        patch(database, order_no, {"externalId": "1"})
    patch(database, order_no, {"externalId": "3"})
    assert stored(order_no).external_id == "3"
    patch(database, order_no, {"externalId": None})
    assert stored(order_no).external_id is None


def test_an_unknown_order_is_not_found(database):
    with pytest.raises(NotFound):
        patch(database, "ord-20261122-aaaaaa", {"description": "x"})
