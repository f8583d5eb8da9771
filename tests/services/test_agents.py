"""The key of an agent: it sees and touches its own, and what is another's is not there."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from ordercast.contracts.api_key import Scope
from ordercast.contracts.replay import NewReplay
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.store import commands, orders, replays, subscribers
from ordercast.store.clock import now
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database
from ordercast.store.feed import number_events
from ordercast.store.push_tables import PushDelivery, PushEvent, PushReplay, Subscriber
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import CompletionReport, InboxMessage, OrderCommand, ServiceOrder
from tests.gateway import gateway
from tests.gateway_routes import routes
from tests.keys import bearer, make_key
from tests.orders import body, generated, item, order, report, stored, waiting, work_orders
from tests.store.conftest import home  # noqa: F401 (SQLite and PostgreSQL)

BASE = "/tmf-api/serviceOrdering/v4"
ORDERS, HUB = f"{BASE}/serviceOrder", f"{BASE}/hub"
CANCELLATIONS = f"{BASE}/cancelServiceOrder"
X, Y = "agent-x", "agent-y"
EVENTS, JEOPARDY = ["work-order.*", "order.completed"], "ServiceOrderJeopardyEvent"
CARD = "8986001234567890123"
NOBODY = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.usefixtures("home")


def of(agent, **more):
    return order(relatedParty=[{"id": agent, "role": "agent"}], **more)


def client(*scopes, agent):
    key = make_key(*scopes, agent=agent)
    return TestClient(gateway(), headers=bearer(key), raise_server_exceptions=False)


@dataclass(frozen=True)
class World:
    """What agent X has: an order under way, and everything that hangs on it."""

    order_no: str
    work_order: str
    message: str
    subscriber: str
    hub: str
    push: str
    event: str
    replay: str
    cancellation: str

    def of_nobody(self) -> "World":
        """The same, of ids that there are not."""
        gone = {name: f"{value[:-1]}z" for name, value in vars(self).items()}
        return World(**{**gone, "push": NOBODY, "event": NOBODY})


@pytest.fixture
def world():
    with client(agent=X) as http:
        asked = {"callback": "http://127.0.0.1:9/tmf", "query": f"eventType={JEOPARDY}"}
        hub = http.post(HUB, json=asked).json()["id"]
    own = {"kind": "agent", "agent": X, "name": "x", "event_types": EVENTS}
    with database().write() as session:
        wanted = NewSubscriber.model_validate({**own, "url": "http://127.0.0.1:9/"})
        subscriber = subscribers.create(session, wanted, secret=new_secret()).id
        others = {"kind": "public", "name": "crm", "event_types": EVENTS}
        wanted = NewSubscriber.model_validate({**others, "url": "http://127.0.0.1:9/"})
        subscribers.create(session, wanted, secret=new_secret())
    order_no, _ = waiting(of(X, externalId="P-1"))
    first = work_orders(order_no)[0]
    report(first, report_id="done")
    with database().write() as session:
        wanted = NewReplay(order_no=order_no)
        replay = replays.ask(session, wanted, expected=1, asked_by="x", agent=X).id
        asked = commands.ask(session, order_no, CommandKind.CANCEL, reason="?", asked_by="x")
        add_events(session, orders.order(session, order_no), [NewEvent("order.completed", 1)])
        owed = select(PushDelivery).where(PushDelivery.subscriber_id == subscriber)
        push = session.exec(owed.order_by(col(PushDelivery.sequence))).all()[0]
        return World(
            order_no=order_no,
            work_order=first.id,
            message=stored(order_no).message_id,
            subscriber=subscriber,
            hub=hub,
            push=str(push.id),
            event=str(push.event_id),
            replay=replay,
            cancellation=asked.id,
        )


Ask = tuple[str, str, dict[str, Any]]


def reached_by_id(w: World) -> dict[tuple[str, str], list[Ask]]:
    """How each route that names something is asked for what is in the world."""
    change = {"json": {"rate_per_second": 5}}
    cancel = {"json": {"serviceOrder": {"id": w.order_no}}}
    done = {"json": {"result": "completed", "report_id": "theirs"}}
    pushes, subs = "/pushes", "/subscribers/{subscriber_id}"
    one = f"/subscribers/{w.subscriber}"
    turns = [f"{pushes}/replays/{{replay_id}}/{verb}" for verb in ("pause", "resume", "cancel")]
    return {
        ("GET", f"{ORDERS}/{{order_no}}"): [("GET", f"{ORDERS}/{w.order_no}", {})],
        ("PATCH", f"{ORDERS}/{{order_no}}"): [
            ("PATCH", f"{ORDERS}/{w.order_no}", {"json": {"description": "mine"}})
        ],
        ("POST", CANCELLATIONS): [("POST", CANCELLATIONS, cancel)],
        ("GET", f"{CANCELLATIONS}/{{command_id}}"): [
            ("GET", f"{CANCELLATIONS}/{w.cancellation}", {})
        ],
        ("GET", "/work-orders/{work_order_id}"): [("GET", f"/work-orders/{w.work_order}", {})],
        ("POST", "/work-orders/{work_order_id}/report"): [
            ("POST", f"/work-orders/{w.work_order}/report", done)
        ],
        ("GET", subs): [("GET", one, {})],
        ("PATCH", subs): [("PATCH", one, change)],
        ("DELETE", subs): [("DELETE", one, {})],
        ("POST", f"{subs}/rotate-secret"): [("POST", f"{one}/rotate-secret", {})],
        ("POST", f"{subs}/test"): [("POST", f"{one}/test", {})],
        ("GET", f"{HUB}/{{listener_id}}"): [("GET", f"{HUB}/{w.hub}", {})],
        ("DELETE", f"{HUB}/{{listener_id}}"): [("DELETE", f"{HUB}/{w.hub}", {})],
        ("GET", f"{pushes}/matrix"): [("GET", f"/pushes/matrix?order_no={w.order_no}", {})],
        ("GET", f"{pushes}/{{delivery_id}}"): [("GET", f"/pushes/{w.push}", {})],
        ("POST", f"{pushes}/replay"): [
            ("POST", "/pushes/replay", {"json": {name: value, "dry_run": is_dry}})
            for is_dry in (True, False)
            for name, value in (
                ("order_no", w.order_no),
                ("subscriber_id", w.subscriber),
                ("event_id", w.event),
            )
        ],
        ("GET", f"{pushes}/replays/{{replay_id}}"): [("GET", f"/pushes/replays/{w.replay}", {})],
        **{("POST", path): [("POST", path.replace("{replay_id}", w.replay), {})] for path in turns},
        ("GET", "/inbox/{message_id}"): [("GET", f"/inbox/{w.message}", {})],
    }


def listed(w: World) -> dict[str, list[dict[str, Any]]]:
    """Each list, and filters that what is in the world passes."""
    return {
        ORDERS: [
            {},
            {"id": w.order_no},
            {"agent": X},
            {"externalId": "P-1"},
            {"state": "inProgress"},
            {"product": "iot-card"},
            {"priority": "4"},
            {"orderDate.gte": "2026-01-01T00:00:00Z", "fields": "state"},
        ],
        CANCELLATIONS: [{}, {"order_no": w.order_no}, {"fields": "state", "limit": 1}],
        "/work-orders": [{}, {"order_no": w.order_no}, {"state": "completed"}],
        "/subscribers": [{}],
        "/pushes": [
            {},
            {"order_no": w.order_no},
            {"subscriber_id": w.subscriber},
            {"state": "pending"},
        ],
        "/pushes/untold": [{"minutes": 0}],
        "/pushes/replays": [{}],
        "/inbox": [{}, {"outcome": "accepted"}],
    }


ELSEWHERE = {
    ("POST", ORDERS),
    ("POST", "/work-orders/reports"),
    ("POST", "/subscribers"),
    ("POST", HUB),
    ("GET", "/events"),
    ("GET", "/events/stream"),
    ("GET", "/metrics"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/results/{order_no}/{version}"),
}
"""Tests of their own are below, and of streams and links in test_event_feed and test_results."""


def test_every_route_is_asked_for_what_is_another_agents(world):
    asked = {*reached_by_id(world), *(("GET", path) for path in listed(world))}
    assert asked | ELSEWHERE == set(routes())


def everything():
    """All rows of the database that an agent could touch."""
    tables = (
        ServiceOrder,
        CompletionReport,
        OrderCommand,
        PushReplay,
        PushDelivery,
        PushEvent,
        Subscriber,
    )
    with database().read() as session:
        return {
            each.__tablename__: [row.model_dump() for row in session.exec(select(each))]
            for each in tables
        }


def without_ids(answer, w):
    text = answer.text
    for value in vars(w).values():
        text = text.replace(value, "ID")
    return answer.status_code, re.sub(r"msg-\w+", "MSG", text)


def test_what_is_another_agents_is_answered_as_what_is_not_there_and_stays_as_it_is(world):
    other, before = client(agent=Y), everything()
    pairs = zip(
        reached_by_id(world).values(), reached_by_id(world.of_nobody()).values(), strict=True
    )
    for theirs, nobodys in pairs:
        for (method, path, more), (_, gone, same) in zip(theirs, nobodys, strict=True):
            answer = other.request(method, path, **more)
            missing = other.request(method, gone, **same)
            assert answer.status_code == 404, (method, path, answer.text)
            assert without_ids(answer, world) == without_ids(missing, world.of_nobody())
    assert everything() == before


def test_to_its_own_agent_and_to_who_has_all_it_is_there(world):
    for http in (client(agent=X), client(agent=None)):
        for method, path, more in (each for asks in reached_by_id(world).values() for each in asks):
            if method == "GET":
                assert http.request(method, path, **more).status_code == 200, path


def test_lists_and_their_counts_hold_nothing_of_another_agent_by_any_filter(world):
    other, own, every = client(agent=Y), client(agent=X), client(agent=None)
    for path, filters in listed(world).items():
        for params in filters:
            shown, seen = other.get(path, params=params), own.get(path, params=params)
            assert (shown.status_code, shown.json()) == (200, []), (path, params)
            assert int(shown.headers.get("X-Total-Count", 0)) == 0
            assert seen.json(), (path, params)
            total = int(seen.headers.get("X-Total-Count", len(seen.json())))
            assert total == len(seen.json())
            assert len(every.get(path, params=params).json()) >= total


def test_an_agent_is_not_shown_who_else_is_told_of_its_orders(world):
    own, every = client(agent=X), client(agent=None)
    assert {each["subscriber"]["name"] for each in every.get("/pushes").json()} == {"x", "crm"}
    assert {each["subscriber"]["name"] for each in own.get("/pushes").json()} == {"x"}
    assert own.get("/pushes").headers["X-Total-Count"] == "2"
    shown = own.get("/pushes/matrix", params={"order_no": world.order_no}).json()
    assert "crm" not in {each["name"] for each in shown["subscribers"]}
    assert "crm" not in own.get("/subscribers").text
    untold = own.get("/pushes/untold", params={"minutes": 0}).text
    assert "crm" not in untold


def test_the_feed_of_an_agent_has_its_orders_alone(world):
    with database().write() as session:
        number_events(session)  # on PostgreSQL the relay does
    assert len(client(Scope.READ, agent=X).get("/events").json()["events"]) == 2
    other = client(Scope.READ, agent=Y)
    for params in ({}, {"order_no": world.order_no}, {"type": "work-order.*"}):
        assert other.get("/events", params=params).json()["events"] == []
    assert other.get("/events", params={"subscriber": world.subscriber}).status_code == 404


def test_an_order_is_of_the_agent_whose_key_it_came_with():
    http = client(Scope.SUBMIT, agent=Y)
    for document, query in ((order(), {}), (of(Y), {}), (order(), {"agent": Y})):
        taken = http.post(ORDERS, content=body(document), params=query)
        assert taken.status_code == 201
        assert stored(taken.json()["id"]).agent == Y


def test_the_external_id_of_another_agent_is_free(world):
    http = client(Scope.SUBMIT, agent=Y)
    same = stored(world.order_no)
    first = http.post(ORDERS, content=body(order(item(iccid=CARD), externalId="P-1"))).json()["id"]
    assert first != same.order_no
    again = http.post(ORDERS, content=body(order(item(iccid=CARD), externalId="P-1")))
    assert again.json()["id"] == first
    other = http.post(ORDERS, content=body(order(externalId="P-1")))
    assert other.status_code == 409
    assert same.order_no not in other.text and X not in other.text


@pytest.mark.parametrize(
    ("document", "query"),
    [
        (of(X), {}),
        ([of(Y), of(X)], {}),
        (order(), {"agent": X}),
        (order(), {"agent": X, "accept": "valid"}),
    ],
)
def test_a_message_that_names_another_agent_is_refused_and_kept(document, query):
    http = client(Scope.SUBMIT, Scope.READ, agent=Y)
    answer = http.post(ORDERS, content=body(document), params=query)
    assert answer.status_code == 403
    assert "relatedParty" in answer.json()["message"] and X not in answer.text
    assert http.get(ORDERS).headers["X-Total-Count"] == "0"
    (kept,) = http.get("/inbox").json()
    assert (kept["agent"], kept["outcome"]) == (Y, "refused")
    with database().read() as session:
        assert session.exec(select(ServiceOrder)).all() == []


def test_a_message_that_cannot_be_read_is_shown_to_its_sender_alone():
    http = client(Scope.SUBMIT, Scope.READ, agent=Y)
    for answer in (
        http.post(ORDERS, content=b"{"),
        client(agent=Y).post("/work-orders/wo-1-1-1/report", content=b"{"),
        client(agent=Y).post("/work-orders/reports", content=b"{"),
    ):
        kept = answer.json()["messageId"]
        assert http.get(f"/inbox/{kept}").status_code == 200
        assert client(agent=X).get(f"/inbox/{kept}").status_code == 404


def test_an_agent_changes_its_own_order_but_not_whose_it_is():
    http = client(agent=Y)
    number = http.post(ORDERS, content=body(order())).json()["id"]
    answer = http.patch(f"{ORDERS}/{number}", json={"description": "soon"})
    assert answer.json()["description"] == "soon"
    parties = {"relatedParty": [{"id": X, "role": "agent"}]}
    assert http.patch(f"{ORDERS}/{number}", json=parties).status_code == 403
    assert stored(number).agent == Y


def test_a_report_on_another_agents_work_is_unknown_and_takes_no_report_id(world):
    open_one = next(each.id for each in work_orders(world.order_no) if each.state == "acknowledged")
    said = {"work_order_id": open_one, "result": "failed", "report_id": "r-1"}
    answer = client(Scope.REPORT, agent=Y).post("/work-orders/reports", json=[said])
    assert answer.json()["counts"] == {"unknown": 1}
    crew = client(Scope.REPORT, agent=None)
    told = crew.post(
        f"/work-orders/{open_one}/report", json={"result": "completed", "report_id": "r-1"}
    )
    assert (told.status_code, told.json()["verdict"]) == (201, "accepted")
    known = {"work_order_id": world.work_order, "result": "completed", "report_id": "done"}
    answer = client(Scope.REPORT, agent=Y).post("/work-orders/reports", json=[known])
    assert answer.json()["counts"] == {"unknown": 1}
    with database().read() as session:
        aside = select(InboxMessage).where(InboxMessage.source == "report")
        assert {each.agent for each in session.exec(aside)} == {Y}


def test_an_agent_reports_the_work_on_its_own_orders(world):
    open_one = next(each.id for each in work_orders(world.order_no) if each.state == "acknowledged")
    said = [{"work_order_id": open_one, "result": "completed"}]
    answer = client(Scope.REPORT, agent=X).post("/work-orders/reports", json=said)
    assert answer.json()["counts"] == {"accepted": 1}


def test_a_callback_of_an_agent_is_told_of_its_orders_alone(world):
    http = client(agent=Y)
    asked = {"callback": "http://127.0.0.1:9/tmf", "query": "state=completed"}
    made = http.post(HUB, json=asked)
    assert made.status_code == 201
    with database().read() as session:
        row = subscribers.get(session, made.json()["id"])
    assert (row.kind, row.agent, row.agents) == ("agent", Y, [])
    assert http.post(HUB, json=asked).status_code == 409
    elses = {**asked, "query": f"agent={X}"}
    assert http.post(HUB, json=elses).status_code == 403
    assert http.post(HUB, json={**asked, "query": f"agent={Y}"}).status_code == 201
    assert http.delete(f"{HUB}/{made.json()['id']}").status_code == 204


def test_a_subscriber_that_an_agent_adds_is_its_own():
    http, wanted = client(agent=Y), {"name": "y", "url": "http://127.0.0.1:9/"}
    made = http.post("/subscribers", json={**wanted, "kind": "agent"})
    assert (made.status_code, made.json()["agent"]) == (201, Y)
    for more in ({"kind": "public"}, {"kind": "agent", "agent": X}):
        refused = http.post("/subscribers", json={**wanted, "name": "z", **more})
        assert refused.status_code == 403
        assert X not in refused.text
    assert http.get("/subscribers").headers["X-Total-Count"] == "1"


def test_the_names_of_others_subscribers_are_free_to_an_agent(world):
    http = client(agent=Y)
    for name in ("x", "crm"):
        wanted = {"name": name, "kind": "agent", "url": "http://127.0.0.1:9/"}
        assert http.post("/subscribers", json=wanted).status_code == 201
        assert http.post("/subscribers", json=wanted).status_code == 409


def test_a_replay_of_an_agent_is_to_its_own_subscribers(world):
    with database().write() as session:
        for row in session.exec(select(PushDelivery)):
            row.state, row.ended_at, row.due_at = "gave-up", now() - timedelta(minutes=1), None
    asked = {"states": ["gave-up"], "dry_run": True}
    pushes = {
        agent: client(agent=agent).post("/pushes/replay", json=asked).json()["pushes"]
        for agent in (None, X, Y)
    }
    assert pushes == {None: 4, X: 2, Y: 0}
    made = client(agent=X).post("/pushes/replay", json={**asked, "dry_run": False})
    assert (made.status_code, made.json()["asked_by"]) == (202, "tests")
    with database().read() as session:
        assert session.get_one(PushReplay, made.json()["id"]).agent == X


def test_an_agent_is_not_told_whose_order_works_on_the_same_number():
    plan = {"product": "plan-change", "action": "modify", "msisdn": "8613800000001", "plan": "5G"}
    first, _ = waiting(of(X, serviceOrderItem=[item(**plan)]))
    held, _ = generated(of(Y, serviceOrderItem=[item(**plan)]))
    every, own = client(agent=None), client(agent=Y)
    assert first in every.get(f"{ORDERS}/{held}").json()["waitingFor"]
    for shown in (own.get(f"{ORDERS}/{held}"), own.get(ORDERS)):
        assert first not in shown.text
        assert "another order works on the same number" in shown.text


def test_figures_of_all_are_not_for_the_key_of_an_agent():
    assert client(agent=Y).get("/metrics").status_code == 403
    assert client(Scope.READ, agent=None).get("/metrics").status_code == 200
