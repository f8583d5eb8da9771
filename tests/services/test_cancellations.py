"""Cancellations over HTTP: asked for, followed and listed, as TMF641's cancelServiceOrder."""

import pytest

from ordercast.store import commands
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind
from tests.gateway import gateway
from tests.keys import keyed
from tests.orders import order, plan_change, submit, waiting
from tests.services.test_gateway_orders import CANCELLATIONS, fields_of


@pytest.fixture
def http(database):
    with keyed(gateway(), raise_server_exceptions=False) as client:
        yield client


def test_cancelling_is_a_task_that_can_be_followed(http):
    order_no, _ = waiting(plan_change())
    asked = http.post(
        CANCELLATIONS,
        json={"serviceOrder": {"id": order_no}, "cancellationReason": "客户撤单"},
    )
    assert asked.status_code == 201
    told = asked.json()
    assert told["state"] == "acknowledged"
    assert told["cancellationReason"] == "客户撤单"
    assert told["serviceOrder"]["href"].endswith(order_no)
    assert http.get(told["href"].removeprefix("http://127.0.0.1:8080")).json() == told
    assert http.get(CANCELLATIONS, params={"order_no": order_no}).json() == [told]
    assert http.get(CANCELLATIONS, params={"order_no": "ord-1"}).json() == []


def test_a_cancellation_shows_the_date_that_it_was_asked_for(http):
    document = {"serviceOrder": {"id": submit(order())}}
    assert "requestedCancellationDate" not in http.post(CANCELLATIONS, json=document).json()
    document["requestedCancellationDate"] = "2999-11-22T09:00:00+08:00"
    asked = http.post(CANCELLATIONS, json=document).json()
    assert asked["requestedCancellationDate"] == "2999-11-22T01:00:00Z"
    assert http.get(f"{CANCELLATIONS}/{asked['id']}").json() == asked
    assert asked in http.get(CANCELLATIONS).json()


def test_cancellations_are_listed_newest_first_with_counts_and_pages(http):
    document = {"serviceOrder": {"id": submit(order())}}
    ids = [http.post(CANCELLATIONS, json=document).json()["id"] for _ in range(5)]
    answer = http.get(CANCELLATIONS, params={"offset": 1, "limit": 2, "fields": "state"})
    assert [each["id"] for each in answer.json()] == ids[::-1][1:3]
    assert {*answer.json()[0]} == {"id", "href", "state"}
    assert answer.headers["x-total-count"] == "5"
    assert answer.headers["x-result-count"] == "2"
    assert http.get(CANCELLATIONS, params={"offset": 5}).json() == []
    one = http.get(f"{CANCELLATIONS}/{ids[0]}", params={"fields": "state"})
    assert {*one.json()} == {"id", "href", "state"}


def test_cancellations_asked_at_the_same_moment_keep_their_places_over_pages(http, database):
    order_no, at = submit(order()), now()
    with database.write() as session:
        for _ in range(9):
            asked = commands.ask(session, order_no, CommandKind.CANCEL, reason="?", asked_by="x")
            asked.asked_at = at
    pages = [http.get(CANCELLATIONS, params={"offset": n, "limit": 1}).json() for n in range(9)]
    ids = [each["id"] for (each,) in pages]
    assert ids == sorted(set(ids))
    assert len(ids) == 9


@pytest.mark.parametrize(
    ("document", "status", "fields"),
    [
        ({}, 400, ["serviceOrder"]),
        ({"serviceOrder": {}}, 400, ["serviceOrder.id"]),
        ({"serviceOrder": {"id": "ord-20261122-aaaaaa"}}, 404, []),
        ({"serviceOrder": {"id": "x"}, "state": "done"}, 400, ["state"]),
        (
            {"serviceOrder": {"id": "x"}, "requestedCancellationDate": "soon"},
            400,
            ["requestedCancellationDate"],
        ),
        ([], 400, ["body"]),
    ],
)
def test_a_cancellation_that_cannot_be_taken_says_why(http, document, status, fields):
    assert fields_of(http.post(CANCELLATIONS, json=document), status) == fields


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "done"}, "state"),
        ({"order_no": ["ord-1", "ord-2"]}, "order_no"),
        ({"offset": "-1"}, "query.offset"),
        ({"limit": "1001"}, "limit"),
    ],
)
def test_a_query_for_cancellations_that_cannot_be_answered_names_the_parameter(http, query, field):
    assert fields_of(http.get(CANCELLATIONS, params=query)) == [field]
