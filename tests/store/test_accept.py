"""Intake: every message is kept, sealed, and answered; an order is opened once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from sqlmodel import select

from ordercast.domain.errors import Conflict, InvalidMessage
from ordercast.intake.accept import accept
from ordercast.store import inbox
from ordercast.store.inbox import RawMessage
from ordercast.store.tables import InboxMessage, OrderRun, ServiceOrder
from tests.orders import CSV, JSON, NDJSON, body, generated, item, order, run_of, stored, submit
from tests.tmf641 import service_orders

KI = "0123456789ABCDEF0123456789ABCDEF"
PARTY = [{"id": "华信", "role": "Agent", "@type": "RelatedParty", "@referredType": "Organization"}]


def message(document, media_type=JSON, **more):
    raw = document if isinstance(document, bytes) else body(document)
    return RawMessage(raw, media_type, "test", **more)


def rows(database, table):
    with database.read() as session:
        return session.exec(select(table)).all()


def test_the_message_is_kept_sealed_byte_for_byte_before_the_answer(database):
    raw = body(order(item(iccid="8986012345678901234", ki=KI), description="开通"))
    receipt = accept(database, message(raw))
    (kept,) = rows(database, InboxMessage)
    assert (kept.outcome, kept.order_no) == ("accepted", receipt.orders[0].order_no)
    assert (kept.sha256, kept.size_bytes) == (sha256(raw).hexdigest(), len(raw))
    assert inbox.plain_body(kept) == raw
    assert KI.encode() not in kept.sealed


def test_an_order_is_opened_with_a_run_that_is_due_at_once(database):
    order_no = submit(order(relatedParty=PARTY, externalId="订单-1", priority="high"))
    opened, run = stored(order_no), run_of(order_no)
    assert (opened.agent, opened.external_id, opened.priority) == ("华信", "订单-1", 1)
    assert (opened.state, opened.version, opened.line_count) == ("acknowledged", 1, 1)
    assert opened.products == ["iot-card"]
    assert (run.stage, run.priority) == ("accepted", 1)
    assert run.launch_at
    assert run.start_at <= datetime.now(UTC)


def test_a_start_that_is_asked_for_schedules_the_run(database):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    order_no = submit(order(requestedStartDate=tomorrow.isoformat()))
    assert run_of(order_no).start_at == tomorrow
    assert stored(order_no).requested_start_at == tomorrow


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(document=service_orders())
def test_any_valid_order_is_accepted_and_taken_apart(database, document):
    document.pop("externalId", None)
    order_no, _ = generated(document)
    assert stored(order_no).state in ("inProgress", "held")


def test_the_same_order_again_is_answered_with_the_first_however_it_is_spelled(database):
    document = order(externalId="1", description="开通")
    first = submit(document)
    turned = json.dumps(dict(reversed(document.items())), indent=2).encode()
    receipt = accept(database, message(turned))
    assert [(each.order_no, each.is_new) for each in receipt.orders] == [(first, False)]
    assert len(rows(database, ServiceOrder)) == 1
    assert sorted(each.outcome for each in rows(database, InboxMessage)) == [
        "accepted",
        "duplicate",
    ]


def test_an_attribute_that_is_null_is_the_same_as_one_that_is_left_out(database):
    document = order(externalId="1")
    assert submit(document) == submit({**document, "description": None})


def test_other_content_under_the_same_id_is_refused_with_the_fields_that_differ(database):
    submit(order(item(iccid="8986012345678901234", ki=KI), externalId="1", description="开通"))
    other = order(item(iccid="8986012345678901234", ki=KI[::-1]), externalId="1", note=[])
    with pytest.raises(Conflict) as refused:
        accept(database, message(other))
    assert refused.value.fields == (
        "serviceOrderItem[0].service.serviceCharacteristic[1].value",
        "description",
        "note",
    )
    assert KI not in str(refused.value)
    assert KI[::-1] not in str(refused.value)
    assert len(rows(database, ServiceOrder)) == 1
    kept = {each.outcome: each for each in rows(database, InboxMessage)}
    assert kept["conflict"].problems


def test_the_same_id_of_another_agent_is_another_order(database):
    document = order(externalId="1")
    first = accept(database, message(document, agent="one")).orders[0]
    second = accept(database, message(document, agent="two")).orders[0]
    assert first.order_no != second.order_no
    assert second.is_new


def test_the_agent_of_the_order_goes_before_that_of_the_message(database):
    accept(database, message(order(relatedParty=PARTY), agent="other", external_id="m-1"))
    (opened,) = rows(database, ServiceOrder)
    assert (opened.agent, opened.external_id) == ("华信", "m-1")


def test_many_senders_of_the_same_order_at_once_open_one(database):
    document = message(order(externalId="1"))
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: accept(database, document), range(8)))
    assert len({each.orders[0].order_no for each in receipts}) == 1
    assert sum(each.orders[0].is_new for each in receipts) == 1
    assert len(rows(database, OrderRun)) == 1


def test_what_cannot_be_read_is_kept_with_its_problems_and_opens_nothing(database):
    with pytest.raises(InvalidMessage) as refused:
        accept(database, message(b'{"serviceOrderItem": ['))
    (kept,) = rows(database, InboxMessage)
    assert (kept.id, kept.outcome) == (refused.value.message_id, "refused")
    assert kept.problems[0]["field"] == "body"
    assert inbox.plain_body(kept) == b'{"serviceOrderItem": ['
    assert rows(database, ServiceOrder) == []


def test_of_several_orders_all_are_taken_or_none(database):
    with pytest.raises(InvalidMessage):
        accept(database, message([order(), {}]))
    with pytest.raises(Conflict):
        accept(database, message([order(), order(externalId="1"), order(externalId="1")]))
    assert rows(database, ServiceOrder) == []
    receipt = accept(database, message([order(), order()]))
    assert len(receipt.orders) == 2


def test_the_good_orders_are_taken_on_request_and_the_others_told(database):
    lines = b"\n".join([body(order()), b"{", body(order())])
    receipt = accept(database, message(lines, NDJSON), only_valid=True)
    assert len(receipt.orders) == 2
    assert [each.line for each in receipt.left_out] == [2]
    with pytest.raises(InvalidMessage):
        accept(database, message(b"{", NDJSON), only_valid=True)


def test_the_same_batch_twice_is_one_order_and_its_good_rows_can_be_taken(database):
    rows_of_batch = b"product,action,iccid\niot-card,add,8986012345678901234\n,add,\n"
    with pytest.raises(InvalidMessage):
        accept(database, message(rows_of_batch, CSV))
    first = accept(database, message(rows_of_batch, CSV), only_valid=True)
    again = accept(database, message(rows_of_batch, CSV), only_valid=True)
    assert (first.orders[0].is_new, again.orders[0].is_new) == (True, False)
    assert first.orders[0].order_no == again.orders[0].order_no
    assert stored(first.orders[0].order_no).line_count == 1
    assert [each.line for each in again.left_out] == [3]


def test_a_batch_under_an_id_that_stands_for_another_is_a_conflict(database):
    batch = b"product,action,iccid\niot-card,add,8986012345678901234\n"
    accept(database, message(batch, CSV, external_id="batch-1"))
    with pytest.raises(Conflict) as refused:
        accept(database, message(batch * 2, CSV, external_id="batch-1"), only_valid=True)
    assert refused.value.fields == ("serviceOrderItem",)
