"""The event feed over a real socket: pages, streams, who sees what, and what is slow or away."""

import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ordercast.contracts.api_key import Scope
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.services.gateway import feed_tail, service
from ordercast.services.gateway.app import create_app
from ordercast.services.relay.number import number_forever
from ordercast.store import api_keys, subscribers
from ordercast.store.engine import database
from ordercast.store.nudges import Topic, nudge
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import ServiceOrder
from tests.conftest import forget
from tests.keys import bearer, make_key
from tests.services.platform_server import served
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.service

SECRET = new_secret()
COMPLETED = NewEvent("order.completed", 1, {"state": "completed"})


@pytest.fixture(params=["sqlite", "postgresql"])
def gateway(request, home, monkeypatch):
    """A gateway by its URL, over each database, and the relay's part in the feed."""
    if request.param == "postgresql":
        monkeypatch.setenv("ORDERCAST_DATABASE__URL", request.getfixturevalue("postgres_url"))
    monkeypatch.setenv("ORDERCAST_GATEWAY__STREAM_HEARTBEAT_SECONDS", "0.2")
    monkeypatch.setenv("ORDERCAST_GATEWAY__STREAM_MOST_WAITING", "50")
    forget()
    stop = threading.Event()
    numbering = threading.Thread(target=number_forever, args=(stop,))
    numbering.start()
    app = create_app()
    try:
        with served(app) as url:
            yield url
            app.state.feed_tail.close()
    finally:
        stop.set()
        nudge(Topic.NUMBER)
        numbering.join(20)
        forget()


@pytest.fixture
def http(gateway):
    with opened_door(gateway, make_key()) as client:
        yield client


def opened_door(gateway, key):
    return httpx.Client(base_url=gateway, headers=bearer(key), trust_env=False, timeout=20)


def tell(order_no, *events, agent="agent-x", tags=()):
    with database().write() as session:
        order = session.get(ServiceOrder, order_no)
        if order is None:
            order = ServiceOrder(
                order_no=order_no,
                agent=agent,
                content_sha256="",
                message_id="m",
                title="a SIM",
                state="completed",
                ordered_at=datetime.now(UTC),
            )
            session.add(order)
            session.flush()
        return add_events(session, order, events, tags=tags)


def subscribe(**wanted):
    document = {"kind": "public", "url": "http://127.0.0.1:9/", "name": "n", **wanted}
    with database().write() as session:
        new = NewSubscriber.model_validate(document)
        return subscribers.create(session, new, secret=SECRET).id


def as_subscriber(subscriber_id, secret=SECRET):
    headers = {"Authorization": f"Bearer {secret}".strip()}
    return {"params": {"subscriber": subscriber_id}, "headers": headers}


class Stream:
    """An event stream that is read as a browser reads it."""

    def __init__(self, response):
        self.response = response
        self.last_id, self.events, self.comments, self.retry = None, [], [], None
        self._lines = response.iter_lines()

    def block(self):
        """Read a block; its data, None if it is no event."""
        data = []
        for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "data":
                    data.append(value)
                case "id":
                    self.last_id = value
                case "retry":
                    self.retry = int(value)
                case "":
                    self.comments.append(value)
        else:
            raise EOFError
        if data:
            self.events.append(json.loads("\n".join(data)))
        return self.events[-1] if data else None

    def next(self):
        while (found := self.block()) is None:
            pass
        return found


@contextmanager
def stream(http, after=None, last_event_id=None, params=None, headers=None):
    asked = {**(params or {}), **({"after": after} if after is not None else {})}
    given = {**(headers or {}), **({"Last-Event-ID": last_event_id} if last_event_id else {})}
    with http.stream("GET", "/events/stream", params=asked, headers=given) as response:
        if response.status_code != 200:
            response.read()
            yield response
            return
        opened = Stream(response)
        assert opened.block() is None
        yield opened


def page(http, **params):
    return http.get("/events", params=params).raise_for_status().json()


def test_pages_hold_the_events_of_all_orders_as_they_are_pushed_and_the_next_cursor(http):
    tell("ord-a", COMPLETED)
    tell("ord-b", COMPLETED, NewEvent("order.reopened", 2))
    wait_for(lambda: page(http)["next"] == "3", what="not numbered")
    first = page(http, limit=2)
    assert [each["subject"] for each in first["events"]] == ["ord-a", "ord-b"]
    assert first["events"][0]["type"] == "com.ordercast.order.completed.v1"
    assert (first["next"], first["more"]) == ("2", True)
    second = page(http, after=first["next"])
    assert [each["type"] for each in second["events"]] == ["com.ordercast.order.reopened.v1"]
    assert (second["next"], second["more"]) == ("3", False)
    assert page(http, after="3") == {"events": [], "next": "3", "more": False}
    assert len(page(http, order_no="ord-b")["events"]) == 2
    assert len(page(http, type="order.re*")["events"]) == 1
    assert len(page(http, type="com.ordercast.order.completed.v1", order_no="ord-a")["events"]) == 1


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"after": "x"}, "after"),
        ({"after": "-1"}, "after"),
        ({"after": "9" * 30}, "after"),
        ({"after": "5"}, "after"),
        ({"type": "order.complete"}, "type"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "1000000"}, "limit"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(http, params, field):
    for path in ("/events", "/events/stream"):
        if path == "/events" or "limit" not in params:
            answer = http.get(path, params=params)
            assert answer.status_code == 400
            assert [each["field"] for each in answer.json()["problems"]] == [field]
    if "after" in params:
        answer = http.get("/events/stream", headers={"Last-Event-ID": params["after"]})
        assert answer.status_code == 400


def test_a_stream_begins_with_what_comes_next_and_goes_on_by_its_last_id(http):
    tell("ord-a", COMPLETED)
    wait_for(lambda: page(http)["next"] == "1", what="not numbered")
    with stream(http) as opened:
        assert (opened.last_id, opened.retry) == ("1", 3000)
        assert opened.response.headers["content-type"].startswith("text/event-stream")
        tell("ord-b", COMPLETED)
        assert opened.next()["subject"] == "ord-b"
        assert opened.last_id == "2"
    tell("ord-c", COMPLETED)
    tell("ord-d", COMPLETED)
    with stream(http, last_event_id="2") as opened:
        assert [opened.next()["subject"] for _ in range(2)] == ["ord-c", "ord-d"]
        assert opened.last_id == "4"
    with stream(http, after="0") as opened:
        assert [opened.next()["subject"] for _ in range(4)] == [f"ord-{n}" for n in "abcd"]


def test_what_is_left_out_moves_the_last_id_with_the_heartbeat(http):
    with stream(http, params={"type": "order.failed"}) as opened:
        tell("ord-a", COMPLETED)
        wait_for(lambda: opened.block() is None and opened.last_id == "1", what="id stays")
        assert "heartbeat" in opened.comments
        tell("ord-b", NewEvent("order.failed", 1))
        assert opened.next()["subject"] == "ord-b"


def test_many_streams_are_told_the_same_by_one_thread(http, gateway):
    tell("ord-0", COMPLETED)
    wait_for(lambda: page(http)["next"] == "1", what="not numbered")
    before = {each for each in threading.enumerate() if each.name == "feed-tail"}
    sockets = [open_stream(gateway) for _ in range(60)]
    try:
        tell("ord-a", COMPLETED)
        for each in sockets:
            assert b'"subject":"ord-a"' in read_until(each, b"ord-a")
        tails = {each for each in threading.enumerate() if each.name == "feed-tail"} - before
        assert len(tails) == 1
    finally:
        for each in sockets:
            each.close()
    wait_for(lambda: not any(each.is_alive() for each in tails), what="the tail goes on")


def open_stream(gateway, query=""):
    url = httpx.URL(gateway)
    connection = socket.create_connection((url.host, url.port or 80), 20)
    key = f"Authorization: Bearer {make_key()}"
    asked = f"GET /events/stream{query} HTTP/1.1\r\nHost: {url.host}\r\n{key}\r\n\r\n"
    connection.sendall(asked.encode())
    assert b"retry: 3000" in read_until(connection, b"retry: 3000")
    return connection


def read_until(connection, wanted):
    got = b""
    while wanted not in got:
        got += (more := connection.recv(65536))
        assert more, got[-500:]
    return got


def test_a_slow_reader_is_dropped_and_goes_on_by_its_last_id(http, gateway, monkeypatch):
    monkeypatch.setattr(feed_tail, "PAGE", 40)
    text = "x" * 18_000
    slow = open_stream(gateway)
    with stream(http, after="0") as healthy:
        told = 0
        while told < 1500 and not dropped(slow):
            tell("ord-a", *(NewEvent("order.failed", told + n, {"text": text}) for n in range(50)))
            told += 50
            for _ in range(50):
                healthy.next()
        assert told > 50
        assert [int(each["sequence"]) for each in healthy.events] == list(range(1, told + 1))
    got = b""
    slow.settimeout(20)
    while more := slow.recv(1 << 20):
        got += more
    slow.close()
    ids = [int(line[4:]) for line in got.split(b"\n") if line.startswith(b"id: ")][:-1]
    assert 0 < len(ids) < told
    with stream(http, last_event_id=str(ids[-1])) as again:
        rest = [int(again.next()["sequence"]) for _ in range(told - ids[-1])]
    assert rest == list(range(ids[-1] + 1, told + 1))


def dropped(connection):
    """Whether the other end has closed; what was sent before stays to be read."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] == 8  # CLOSE_WAIT


def test_an_agent_sees_its_own_orders_and_only_with_its_secret(http):
    tell("ord-x", COMPLETED)
    tell("ord-y", COMPLETED, agent="agent-y")
    wait_for(lambda: page(http)["next"] == "2", what="not numbered")
    agent = subscribe(kind="agent", agent="agent-y")
    own = http.get("/events", **as_subscriber(agent)).json()
    assert [each["subject"] for each in own["events"]] == ["ord-y"]
    assert own["next"] == "2"
    with stream(http, after="0", **as_subscriber(agent)) as opened:
        assert opened.next()["subject"] == "ord-y"
        tell("ord-x", NewEvent("order.reopened", 2))
        tell("ord-y", NewEvent("order.reopened", 2), agent="agent-y")
        assert opened.next()["type"] == "com.ordercast.order.reopened.v1"
        assert [each["subject"] for each in opened.events] == ["ord-y", "ord-y"]
    for path in ("/events", "/events/stream"):
        for asked in (
            as_subscriber(agent, new_secret()),
            as_subscriber("sub-nobody"),
            as_subscriber("sub-nobody", ""),
            {"params": {"subscriber": agent}, "headers": {"Authorization": ""}},
        ):
            refused = http.get(path, **asked)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


def test_the_key_of_an_agent_reads_its_orders_alone_and_as_its_subscribers_alone(http, gateway):
    tell("ord-x", COMPLETED)
    tell("ord-y", COMPLETED, agent="agent-y")
    wait_for(lambda: page(http)["next"] == "2", what="not numbered")
    own, other = subscribe(kind="agent", agent="agent-y"), subscribe(name="m")
    with opened_door(gateway, make_key(Scope.READ, agent="agent-y")) as agent:
        assert [each["subject"] for each in page(agent)["events"]] == ["ord-y"]
        assert page(agent, order_no="ord-x")["events"] == []
        with stream(agent, after="0") as opened:
            assert opened.next()["subject"] == "ord-y"
            tell("ord-x", NewEvent("order.reopened", 2))
            tell("ord-y", NewEvent("order.reopened", 2), agent="agent-y")
            assert opened.next()["type"] == "com.ordercast.order.reopened.v1"
            assert {each["subject"] for each in opened.events} == {"ord-y"}
        assert len(page(agent, subscriber=own)["events"]) == 2
        for unknown in (other, "sub-nobody"):
            assert agent.get("/events", params={"subscriber": unknown}).status_code == 404


def test_the_stream_of_a_key_that_is_revoked_ends(http, gateway, monkeypatch):
    monkeypatch.setattr(feed_tail, "RECHECK_SECONDS", 0)
    monkeypatch.setattr(feed_tail, "LOOK_SECONDS", 0.1)
    key = make_key(Scope.READ)
    with opened_door(gateway, key) as reader, stream(reader) as opened:
        with database().write() as session:
            kept = api_keys.by_digest(session, api_keys.digest_of(key))
            api_keys.revoke(session, kept.id)
        with pytest.raises(EOFError):
            opened.next()


def test_what_a_subscriber_is_shown_in_part_is_so_in_pages_and_streams(http):
    tell("ord-x", NewEvent("order.completed", 1, {"title": "开卡 8613812345678"}))
    wait_for(lambda: page(http)["next"] == "1", what="not numbered")
    who = as_subscriber(subscribe(masking=["msisdn"]))
    (shown,) = http.get("/events", **who).json()["events"]
    with stream(http, after="0", **who) as opened:
        assert opened.next() == shown
        tell("ord-y", NewEvent("order.completed", 1, {"title": "开卡 8613812345678"}))
        assert opened.next()["data"]["title"] == shown["data"]["title"] == "开卡 86138****5678"
    assert page(http)["events"][0]["data"]["title"] == "开卡 8613812345678"


def test_a_subscriber_that_is_removed_sees_nothing_more(http, monkeypatch):
    monkeypatch.setattr(feed_tail, "RECHECK_SECONDS", 0)
    monkeypatch.setattr(feed_tail, "LOOK_SECONDS", 0.1)
    public = subscribe()
    with stream(http, **as_subscriber(public)) as opened:
        with database().write() as session:
            subscribers.delete(session, public)
        with pytest.raises(EOFError):
            opened.next()


@pytest.mark.parametrize("overlap", [timedelta(), timedelta(seconds=1)])
def test_a_stream_ends_when_the_secret_that_it_came_with_is_valid_no_longer(
    http, monkeypatch, overlap
):
    monkeypatch.setattr(feed_tail, "RECHECK_SECONDS", 0)
    monkeypatch.setattr(feed_tail, "LOOK_SECONDS", 0.1)
    public, new = subscribe(), new_secret()
    with stream(http, params={"subscriber": public}) as with_key:
        with stream(http, **as_subscriber(public)) as leaked:
            with database().write() as session:
                over = datetime.now(UTC) + overlap
                found = subscribers.get(session, public)
                subscribers.rotate(session, found, secret=new, overlap=overlap)
            wait_for(lambda: has_ended(leaked), what="the stream goes on")
        assert datetime.now(UTC) >= over
        with stream(http, **as_subscriber(public, new)) as with_new:
            tell("ord-a", COMPLETED)
            assert with_new.next() == with_key.next()


def has_ended(opened):
    try:
        opened.block()
    except EOFError:
        return True
    return False


def test_streams_end_when_the_gateway_stops(home, monkeypatch):
    port, stop = free_port(), threading.Event()
    monkeypatch.setenv("ORDERCAST_GATEWAY__PORT", str(port))
    forget()
    running = threading.Thread(target=service.run, args=(stop,))
    running.start()
    with opened_door(f"http://127.0.0.1:{port}", make_key()) as http:
        wait_for(lambda: answers(http), what="the gateway does not start")
        with stream(http) as opened:
            stop.set()
            with pytest.raises(EOFError):
                opened.next()
    running.join(20)
    assert not running.is_alive()


def answers(http):
    try:
        return http.get("/health").is_success
    except httpx.ConnectError:
        return False
