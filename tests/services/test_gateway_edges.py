"""Bodies that no sender should send: each is answered in words, none breaks the gateway."""

import asyncio
import json
import socket
from contextlib import closing

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from config.settings import settings as ordercast_settings
from ordercast.services.gateway import orders as order_routes
from ordercast.services.gateway.body_limit import BodyLimit
from ordercast.store.tables import InboxMessage
from tests.gateway import gateway
from tests.keys import keyed, make_key
from tests.orders import CSV, JSON, NDJSON, body, item, order
from tests.services.platform_server import served

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
TAKERS = [
    ("POST", ORDERS),
    ("PATCH", f"{ORDERS}/ord-20261122-aaaaaa"),
    ("POST", "/tmf-api/serviceOrdering/v4/cancelServiceOrder"),
    ("POST", "/work-orders/wo-1/report"),
    ("POST", "/work-orders/reports"),
]
DEEP = b'{"a":' * 100_000
BROKEN = {
    "nothing": b"",
    "a space": b" ",
    "no JSON": b"{",
    "no UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a NUL": b'{"a": "\\u0000"}',
    "a raw NUL": b'{"a": "\0"}',
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a number beyond all": b'{"a": 1e999}',
    "a number too long": b'{"a": ' + b"9" * 5000 + b"}",
    "half a character": b'{"a": "\\ud800"}',
    "an attribute twice": b'{"a": 1, "a": 2}',
    "a deep object": DEEP,
    "a deep array": b"[" * 100_000 + b"]" * 100_000,
    "deep, but just parseable": b'{"a":' * 300 + b"1" + b"}" * 300,
    "a text": b'"x"',
    "null": b"null",
}


@pytest.fixture
def http(database):
    with keyed(gateway(), raise_server_exceptions=False) as client:
        yield client


def kept(database):
    with database.read() as session:
        return session.exec(select(InboxMessage)).all()


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize(("method", "path"), TAKERS, ids=lambda each: each.rpartition("/")[2])
def test_a_broken_body_is_400_with_field_and_cure(http, method, path, raw):
    answer = http.request(method, path, content=raw, headers={"Content-Type": JSON})
    assert answer.status_code == 400
    problems = answer.json()["problems"]
    assert problems
    assert all(each["field"] and each["problem"] and each["cure"] for each in problems)


@pytest.mark.parametrize("media_type", [JSON, NDJSON, CSV, "text/plain", "", b"\xe9"])
@pytest.mark.parametrize("raw", [b"", b"\0", b"\xff", b'"', DEEP], ids=lambda raw: str(raw[:4]))
def test_a_broken_message_of_any_kind_is_refused_and_kept(http, database, raw, media_type):
    answer = http.post(ORDERS, content=raw, headers={"Content-Type": media_type})
    assert answer.status_code == 400
    (message,) = kept(database)
    assert message.id == answer.json()["messageId"]
    assert message.size_bytes == len(raw)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=300), media_type=st.sampled_from([JSON, NDJSON, CSV, "x/y"]))
def test_bytes_of_any_kind_never_break_the_gateway(http, raw, media_type):
    for method, path in TAKERS:
        answer = http.request(method, path, content=raw, headers={"Content-Type": media_type})
        assert answer.status_code in (400, 404)


def test_extreme_but_valid_values_are_taken(http):
    document = order(
        item("😀", iccid="8986012345678901234", note="𠮷野家" * 1000),
        priority="9" * 5000,
        description="\u2028\ufeff\x1f\\u0000",
        x=int("9" * 4000),
        y=1e308,
    )
    answer = http.post(ORDERS, content=json.dumps(document).encode())
    assert answer.status_code == 201
    assert answer.json()["description"] == document["description"]
    assert http.get(ORDERS).status_code == 200


def test_a_message_without_a_media_type_is_json(http):
    assert http.post(ORDERS, content=body(order())).status_code == 201


def test_the_id_of_a_work_order_may_be_anything_in_the_path(http):
    for work_order_id, status in (("x" * 129, 400), ("%00", 404), ("工单", 404), ("..%2F", 404)):
        path = f"/work-orders/{work_order_id}/report"
        assert http.post(path, json={"result": "completed"}).status_code == status


def test_a_database_that_is_away_is_503_and_nothing_is_acknowledged(http, monkeypatch):
    def away(*_args, **_options):
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(order_routes, "accept", away)
    answer = http.post(ORDERS, content=body(order()))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "send it again" in answer.json()["message"]


def test_a_gateway_without_its_tables_is_not_ready(database):
    with database.writer.begin() as connection:
        connection.exec_driver_sql("DROP TABLE inbox_message")
    with TestClient(gateway()) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503


LIMIT = 10_000


@pytest.fixture
def small(database, monkeypatch):
    """The gateway over a real socket, with a small limit; gives host and port."""
    monkeypatch.setenv("ORDERCAST_GATEWAY__MAX_BODY_BYTES", str(LIMIT))
    ordercast_settings.cache_clear()
    with served(gateway()) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        yield host, int(port)


def send(address, *parts):
    """Send raw bytes over a socket; what is answered."""
    with closing(socket.create_connection(address, timeout=10)) as connection:
        for part in parts:
            connection.sendall(part)
        return connection.makefile("rb").read()


def head(*headers):
    key = f"Authorization: Bearer {make_key()}"
    lines = [f"POST {ORDERS} HTTP/1.1", "Host: x", "Connection: close", key, *headers, "", ""]
    return "\r\n".join(lines).encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def padded(size):
    raw = body(order(description=""))
    return raw.replace(b'"description": ""', b'"description": "%s"' % (b"x" * (size - len(raw))))


def test_a_body_that_declares_too_much_is_refused_before_it_is_sent(small):
    answer = send(small, head(f"Content-Length: {LIMIT + 1}"))
    assert answer.startswith(b"HTTP/1.1 413")
    assert f"over {LIMIT} bytes".encode() in answer


def test_a_body_that_streams_on_beyond_the_limit_is_refused(small, database):
    answer = send(
        small,
        head("Transfer-Encoding: chunked"),
        *[chunk(b"x" * 1000)] * (LIMIT // 1000),
        chunk(b"y"),
    )
    assert answer.startswith(b"HTTP/1.1 413")
    assert kept(database) == []


def test_a_body_of_just_the_limit_is_taken_streamed_or_not(small):
    raw = padded(LIMIT)
    assert len(raw) == LIMIT
    whole = send(small, head(f"Content-Length: {LIMIT}"), raw)
    streamed = send(small, head("Transfer-Encoding: chunked"), chunk(raw), b"0\r\n\r\n")
    assert whole.startswith(b"HTTP/1.1 201")
    assert streamed.startswith(b"HTTP/1.1 201")


def test_half_a_batch_whose_sender_went_away_is_no_message():
    half = {"type": "http.request", "body": b"product,action\niot-card,add\n", "more_body": True}
    reached, answered = [], []

    async def app(*_args):
        reached.append("the application")

    async def answer(message):
        answered.append(message)

    async def run():
        coming = iter([half, {"type": "http.disconnect"}])

        async def receive():
            return next(coming)

        scope = {"type": "http", "method": "POST", "path": ORDERS, "headers": []}
        await BodyLimit(app, limit_bytes=1000)(scope, receive, answer)

    asyncio.run(run())
    assert reached == answered == []
