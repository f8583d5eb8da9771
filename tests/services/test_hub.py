"""The TMF641 hub: callbacks are registered and told as the standard says."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from ordercast.contracts.hub import EventSubscriptionInput
from ordercast.contracts.subscriber import DEFAULT_EVENT_TYPES
from ordercast.delivery.hub import subscriber_of
from ordercast.delivery.tmf_events import listener_url, tmf_event
from ordercast.services.relay.deliver import deliver_forever
from ordercast.store.engine import database
from ordercast.store.push_tables import PushEvent
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import ServiceOrder
from tests.conftest import forget
from tests.gateway import gateway
from tests.keys import bearer, keyed, make_key
from tests.waiting import wait_for

HUB = "/tmf-api/serviceOrdering/v4/hub"
CALLBACK = "http://127.0.0.1:9/tmf"
SUMMARY = {
    "state": "partial",
    "agent": "agent-x",
    "external_id": "P-1",
    "title": "iot-card add",
    "category": None,
    "priority": 2,
    "ordered_at": "2026-11-22T15:35:48.922346Z",
    "sealed_at": "2026-11-22T15:38:05.637329Z",
}


@pytest.fixture
def http(home, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__POLL_SECONDS", "0.05")
    forget()
    return keyed(gateway(), raise_server_exceptions=False)


@pytest.fixture
def listener():
    """A listener that keeps what it was told: path, media type and document."""
    told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            told.append((self.path, self.headers["content-type"], json.loads(body)))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}/tmf/", told
    server.shutdown()
    server.server_close()


@contextmanager
def relay():
    stop = threading.Event()
    thread = threading.Thread(target=deliver_forever, args=(stop, None))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def tell(*events, order_no="ord-20261122-aaaaaa", agent="agent-x"):
    with database().write() as session:
        order = session.get(ServiceOrder, order_no)
        if order is None:
            order = ServiceOrder(
                order_no=order_no,
                agent=agent,
                content_sha256="",
                message_id="m",
                title="a SIM",
                state="partial",
                ordered_at=datetime.now(UTC),
            )
            session.add(order)
            session.flush()
        return add_events(session, order, events)


def register(http, callback=CALLBACK, query=None):
    document = {"callback": callback} | ({"query": query} if query is not None else {})
    return http.post(HUB, json=document)


def test_a_callback_is_registered_shown_and_removed(http):
    made = register(http, query="eventType=ServiceOrderStateChangeEvent")
    assert made.status_code == 201
    shown = made.json()
    assert shown.keys() == {"id", "callback", "query"}
    assert made.headers["location"].endswith(f"{HUB}/{shown['id']}")
    assert http.get(f"{HUB}/{shown['id']}").json() == shown
    assert http.get(f"/subscribers/{shown['id']}").json()["body"] == "tmf641"
    assert http.delete(f"{HUB}/{shown['id']}").status_code == 204
    assert http.get(f"{HUB}/{shown['id']}").status_code == 404
    assert http.delete(f"{HUB}/{shown['id']}").status_code == 404


def test_the_same_callback_and_query_are_a_conflict_another_query_is_not(http):
    assert register(http).status_code == 201
    assert register(http).status_code == 409
    assert register(http, query="state=failed").status_code == 201


def test_another_subscriber_is_no_listener(http):
    partner = {"kind": "public", "name": "partner", "url": "http://127.0.0.1:9/hook"}
    key = http.post("/subscribers", json=partner).json()["id"]
    assert http.get(f"{HUB}/{key}").status_code == 404
    assert http.delete(f"{HUB}/{key}").status_code == 404
    assert http.get(f"/subscribers/{key}").status_code == 200


@pytest.mark.parametrize(
    ("document", "field", "word"),
    [
        ({}, "callback", "required"),
        ({"callback": "http://10.0.0.1/"}, "callback", "private"),
        ({"callback": "amqp://127.0.0.1/?exchange=x"}, "callback", "callback"),
        ({"callback": "https://xn--ls8h.la/"}, "callback", "host"),
        ({"callback": "http://127.0.0.1:99999/"}, "callback", "port"),
        ({"callback": CALLBACK, "id": "1"}, "id", ""),
        ({"callback": CALLBACK, "query": "colour=red"}, "query", "colour"),
        ({"callback": CALLBACK, "query": "state=held"}, "query", "state=held"),
        ({"callback": CALLBACK, "query": "state="}, "query", "no value"),
        ({"callback": CALLBACK, "query": f"tag={'a,' * 100}a"}, "query", "tag has more than 100"),
        ({"callback": CALLBACK, "query": f"tag={'a' * 129}"}, "query", "than 128 characters"),
        ({"callback": CALLBACK, "query": f"agent={'a' * 256}"}, "query", "than 255 characters"),
        ({"callback": CALLBACK, "query": "eventType=ServiceOrderCreateEvent"}, "query", "Create"),
        (
            {"callback": CALLBACK, "query": "eventType=ServiceOrderMilestoneEvent&state=failed"},
            "query",
            "asks for a state",
        ),
    ],
)
def test_what_is_not_understood_is_refused_in_words(http, document, field, word):
    answer = http.post(HUB, json=document)
    assert answer.status_code == 400, answer.text
    problems = answer.json()["problems"]
    assert [each["field"] for each in problems] == [field]
    assert word.casefold() in problems[0]["problem"].casefold()


def test_an_agent_with_the_longest_name_that_a_key_may_have_registers_a_callback(http):
    longest = "a" * 255
    assert register(http, query=f"agent={longest}").status_code == 201
    http.headers.update(bearer(make_key(agent=longest)))
    assert register(http).status_code == 201


@pytest.mark.service
def test_a_listener_is_told_of_a_new_state_as_the_standard_has_it(http, listener):
    callback, told = listener
    register(http, callback)
    (event,) = tell(NewEvent("order.partial", 3, SUMMARY))
    tell(NewEvent("work-order.completed", 3), NewEvent("order.reopened", 4))
    with relay():
        wait_for(lambda: len(told) == 2, what="not told")
    path, media_type, document = told[0]
    assert path == "/tmf/listener/serviceOrderStateChangeEvent"
    assert media_type.startswith("application/json")
    assert document["eventId"] == str(event.id)
    assert document["eventType"] == "ServiceOrderStateChangeEvent"
    assert datetime.fromisoformat(document["eventTime"]).tzinfo
    order = document["event"]["serviceOrder"]
    assert (order["id"], order["state"], order["externalId"]) == (event.order_no, "partial", "P-1")
    assert order["href"].endswith(f"/tmf-api/serviceOrdering/v4/serviceOrder/{event.order_no}")
    assert order["relatedParty"][0]["id"] == "agent-x"
    assert order["priority"] == "2"
    assert told[1][2]["event"]["serviceOrder"]["state"] == "inProgress"


@pytest.mark.service
def test_the_query_narrows_down_what_is_told(http, listener):
    callback, told = listener
    register(http, callback, "eventType=ServiceOrderStateChangeEvent&state=failed,partial&agent=b")
    tell(NewEvent("order.partial", 1, SUMMARY), order_no="ord-1")
    tell(NewEvent("order.completed", 1, SUMMARY), order_no="ord-2", agent="b")
    tell(NewEvent("order.partial", 1, SUMMARY), order_no="ord-3", agent="b")
    with relay():
        wait_for(lambda: told, what="not told")
    assert [each[2]["event"]["serviceOrder"]["id"] for each in told] == ["ord-3"]


@pytest.mark.service
def test_work_that_is_done_is_a_milestone_and_work_that_failed_puts_an_order_in_jeopardy(
    http, listener
):
    callback, told = listener
    names = "ServiceOrderMilestoneEvent,ServiceOrderJeopardyEvent"
    register(http, callback, f"eventType={names}")
    done = {"work_order_id": "wo-1", "name": "Activate", "result": "completed", "text": None}
    failed = {"work_order_id": "wo-2", "name": "Set profile", "code": "HSS-1", "text": "no profile"}
    tell(
        NewEvent("work-order.completed", 1, done, line_no=1),
        NewEvent("work-order.failed", 1, failed, line_no=1),
        NewEvent("order.partial", 1, SUMMARY),
    )
    with relay():
        wait_for(lambda: len(told) == 2, what="not told")
    (path, _, first), (other_path, _, second) = told
    assert path == "/tmf/listener/serviceOrderMilestoneEvent"
    assert other_path == "/tmf/listener/serviceOrderJeopardyEvent"
    assert (first["eventType"], second["eventType"]) == tuple(names.split(","))
    (milestone,) = first["event"]["serviceOrder"]["milestone"]
    assert (milestone["id"], milestone["name"]) == ("wo-1", "Activate")
    assert (milestone["status"], milestone["milestoneDate"]) == ("completed", first["eventTime"])
    (alert,) = second["event"]["serviceOrder"]["jeopardyAlert"]
    assert (alert["id"], alert["exception"], alert["message"]) == ("wo-2", "HSS-1", "no profile")
    assert "state" not in second["event"]["serviceOrder"]


WORK = ["work-order.completed"]
JEOPARDY = ["work-order.failed", "work-order.overdue", "order.jeopardy"]


@pytest.mark.parametrize(
    ("query", "event_types"),
    [
        (None, []),
        ("eventType=ServiceOrderStateChangeEvent", []),
        ("state=failed", ["order.failed"]),
        ("serviceOrder.state=inProgress,failed", ["order.failed", "order.reopened"]),
        ("eventType=ServiceOrderMilestoneEvent", WORK),
        (
            "eventType=ServiceOrderStateChangeEvent&eventType=ServiceOrderJeopardyEvent",
            [*DEFAULT_EVENT_TYPES, *JEOPARDY],
        ),
        (
            "eventType=ServiceOrderStateChangeEvent,ServiceOrderJeopardyEvent&state=failed",
            ["order.failed", *JEOPARDY],
        ),
    ],
)
def test_a_query_says_which_events_a_callback_is_told(query, event_types):
    wanted = EventSubscriptionInput(callback=CALLBACK, query=query)
    assert sorted(subscriber_of(wanted).event_types) == sorted(event_types)


def test_what_the_standard_has_no_name_for_is_a_change_of_attributes():
    url = listener_url("https://partner.example/tmf?key=1", "order.lines-ended")
    name = "serviceOrderAttributeValueChangeEvent"
    assert url == f"https://partner.example/tmf/listener/{name}?key=1"
    event = PushEvent(
        id=uuid4(),
        order_no="ord-1",
        version=1,
        sequence=1,
        type="order.lines-ended",
        occurred_at=datetime.now(UTC),
        data={},
    )
    document = json.loads(tmf_event(event, event.data, base_url="http://gateway"))
    assert document["eventType"] == "ServiceOrderAttributeValueChangeEvent"
    assert document["event"]["serviceOrder"]["id"] == "ord-1"
