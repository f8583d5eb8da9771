"""The client of the business platform against servers that behave, and that do not."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.blocks.core import Block
from pydantic import SecretStr

from blocks.business_platform import BusinessPlatform
from blocks.platform_client import Patience, PlatformClient, PlatformRefused
from blocks.platform_words import retry_after_seconds, words_of
from ordercast.contracts.outcome import Outcome
from ordercast.domain.errors import ConfigurationError, PermanentFault, TransientFault
from ordercast.services.platform.app import create_app
from tests.services.platform_server import line, outcome, served

HASTY = Patience(total_seconds=3, first_wait_seconds=0.01, longest_wait_seconds=0.02)
TOKEN = 's3cret/"t0ken"'

Behaviour = Callable[["Misbehaving"], None]


class Misbehaving(BaseHTTPRequestHandler):
    """Plays the behaviours of its server one after the other, the last one for ever."""

    protocol_version = "HTTP/1.1"

    @property
    def play(self) -> "Playing":
        assert isinstance(self.server, Playing)
        return self.server

    def do_PUT(self) -> None:
        self.play.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.play.headers.append(dict(self.headers))
        self.play.next_behaviour()(self)

    def answer(self, status: int, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Playing(ThreadingHTTPServer):
    """A small server of behaviours that remembers what it was sent."""

    def __init__(self, *behaviours: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), Misbehaving)
        self.behaviours = list(behaviours)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_behaviour(self) -> Behaviour:
        return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what is tested."""


def answers(status: int, text: str = "", **headers: str) -> Behaviour:
    return lambda handler: handler.answer(status, text, **headers)


def stays_silent(handler: Misbehaving) -> None:
    handler.play.released.wait(10)
    handler.close_connection = True


def hangs_up(handler: Misbehaving) -> None:
    handler.close_connection = True


def trickles(handler: Misbehaving) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    while not handler.play.released.wait(0.05):
        handler.wfile.write(b".")


@contextmanager
def playing(*behaviours: Behaviour) -> Iterator[Playing]:
    server = Playing(*behaviours)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client_of(
    url: str, *, timeout_seconds: float = 2, patience: Patience = HASTY, token: str = TOKEN
) -> Iterator[PlatformClient]:
    client = PlatformClient(url, token, timeout_seconds=timeout_seconds, patience=patience)
    try:
        yield client
    finally:
        client.close()


def fault_of(url: str, **options: Any) -> str:
    with client_of(url, **options) as client, pytest.raises(TransientFault) as caught:
        client.put_order(outcome())
    return str(caught.value)


# What is accepted


def test_an_order_is_put_with_its_key_and_token() -> None:
    with playing(answers(201, "kept")) as server, client_of(server.url + "/api/") as client:
        answer = client.put_order(outcome())
    assert (answer.status, answer.text) == (201, "kept")
    assert Outcome.model_validate_json(server.bodies[0]) == outcome()
    assert server.headers[0]["Idempotency-Key"] == "ord-20261122-abcdef:1"
    assert server.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert server.headers[0]["Content-Type"] == "application/json"


def test_the_reference_platform_takes_an_order_once_from_many_threads(tmp_path: Path) -> None:
    app = create_app(f"sqlite:///{tmp_path / 'platform.db'}", token=TOKEN)
    batch = outcome(lines=[line(number) for number in range(1, 1001)])
    with served(app) as url, client_of(url, timeout_seconds=10) as client:
        with ThreadPoolExecutor(6) as senders:
            got = list(senders.map(lambda _: client.put_order(batch), range(6)))
        with pytest.raises(PlatformRefused, match=r"refused order .* with 409: Conflict: the Idem"):
            client.put_order(outcome(state="failed"))
    assert sorted(answer.status for answer in got) == [200] * 5 + [201]
    assert len({answer.text for answer in got}) == 1


def test_the_reference_platform_refuses_a_wrong_token_with_its_words(tmp_path: Path) -> None:
    app = create_app(f"sqlite:///{tmp_path / 'platform.db'}", token="another")
    with (
        served(app) as url,
        client_of(url) as client,
        pytest.raises(PlatformRefused, match="the bearer token is not") as caught,
    ):
        client.put_order(outcome())
    assert caught.value.status == 401


def test_an_endless_answer_is_cut() -> None:
    with playing(answers(200, "x" * 1_000_000)) as server, client_of(server.url) as client:
        assert len(client.put_order(outcome()).text) == 64 * 1024


def test_a_nul_in_an_answer_is_left_out() -> None:
    with playing(answers(200, "a\x00b")) as server, client_of(server.url) as client:
        assert client.put_order(outcome()).text == "ab"


# What passes by itself


@pytest.mark.parametrize("first", [answers(500), answers(503), answers(408), hangs_up])
def test_a_fault_that_passes_is_not_noticed(first: Behaviour) -> None:
    with playing(first, answers(201)) as server, client_of(server.url) as client:
        assert client.put_order(outcome()).status == 201
    assert len(server.bodies) == 2
    assert server.bodies[0] == server.bodies[1]


def test_after_three_tries_the_fault_is_told_in_words() -> None:
    said = json.dumps({"code": "x", "reason": "Unavailable", "message": "the ledger is closed"})
    with playing(answers(503, said)) as server:
        told = fault_of(server.url)
    assert len(server.bodies) == 3
    host = server.url.removeprefix("http://")
    start = f"{host} did not take order ord-20261122-abcdef version 1: it answered 503: "
    assert told.startswith(start + "Unavailable: the ledger is closed (3 times in 0.")


def test_a_platform_that_does_not_answer_is_told_with_the_time_it_had() -> None:
    with playing(stays_silent) as server:
        told = fault_of(server.url, timeout_seconds=0.1)
    assert "no answer in time (0.1 s) (3 times in" in told
    assert len(server.bodies) == 3


def test_a_platform_that_hangs_up_is_told() -> None:
    with playing(hangs_up) as server:
        assert "the connection broke: Server disconnected" in fault_of(server.url)


def test_an_answer_that_trickles_in_is_cut_off_in_time() -> None:
    with playing(trickles) as server:
        assert "no answer in time" in fault_of(server.url, timeout_seconds=0.2)


def test_a_refused_connection_is_told_with_host_and_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = fault_of(f"http://127.0.0.1:{port}")
    assert told.startswith(f"127.0.0.1:{port} did not take order")
    assert "no connection: " in told and "refused" in told


def test_all_tries_together_end_in_the_time_of_one_call() -> None:
    patience = Patience(total_seconds=1, first_wait_seconds=0.01, longest_wait_seconds=0.02)
    with playing(stays_silent) as server:
        told = fault_of(server.url, timeout_seconds=0.6, patience=patience)
    assert len(server.bodies) == 2
    assert "no answer in time" in told
    assert "no answer in time (0.6 s)" not in told  # the second has what the first has left


# Retry-After


def test_a_platform_that_asks_to_wait_is_given_the_time() -> None:
    busy = answers(429, Retry_After="1")
    started = time.monotonic()
    with playing(busy, answers(201)) as server, client_of(server.url) as client:
        assert client.put_order(outcome()).status == 201
    assert time.monotonic() - started >= 1


def test_a_wait_beyond_the_time_of_one_call_ends_it_at_once() -> None:
    started = time.monotonic()
    with playing(answers(429, "slow down", Retry_After="120")) as server:
        told = fault_of(server.url)
    assert "it answered 429: slow down; it asks to wait 120 s (once in 0." in told
    assert time.monotonic() - started < 2


@given(st.text())
def test_any_retry_after_header_is_a_wait_or_none(value: str) -> None:
    assert retry_after_seconds(value) >= 0


def test_retry_after_is_read_in_seconds_and_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after_seconds("7") == 7
    assert 50 < retry_after_seconds(soon) <= 60
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0


# What does not pass


def test_a_refusal_stands_at_once_in_the_platforms_words() -> None:
    said = json.dumps({"reason": "Bad Request", "message": "agent: 未签约"})
    with (
        playing(answers(400, said)) as server,
        client_of(server.url) as client,
        pytest.raises(PlatformRefused) as caught,
    ):
        client.put_order(outcome())
    assert "with 400: Bad Request: agent: 未签约" in str(caught.value)
    assert isinstance(caught.value, PermanentFault) and caught.value.status == 400
    assert len(server.bodies) == 1


def test_a_redirect_is_refused_and_not_followed() -> None:
    behaviour = answers(301, Location="http://elsewhere.example/")
    with (
        playing(behaviour) as server,
        client_of(server.url) as client,
        pytest.raises(PermanentFault, match="with 301: no words"),
    ):
        client.put_order(outcome())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"message": "no such agent"}', "no such agent"),
        ('{"reason": "Gone", "message": 7}', "Gone"),
        ('{"detail": "x"}', '{"detail": "x"}'),
        ("<h1>\n  Bad\tGateway</h1>", "<h1> Bad Gateway</h1>"),
        ("", "no words"),
        ("[" * 60_000, "[" * 300),
    ],
)
def test_the_words_are_those_of_the_json_or_the_start_of_the_text(text: str, words: str) -> None:
    assert words_of(text) == words


# Secrets, addresses, the block


@pytest.mark.parametrize("escape", [str, json.dumps, lambda t: json.dumps(t).replace("/", "\\/")])
@pytest.mark.parametrize("status", [200, 401, 503])
def test_a_token_that_the_platform_quotes_is_masked(
    status: int, escape: Callable[[str], str]
) -> None:
    quoted = f"bad token {escape(TOKEN)}!"
    with playing(answers(status, quoted)) as server, client_of(server.url) as client:
        try:
            told = client.put_order(outcome()).text
        except (TransientFault, PermanentFault) as fault:
            told = str(fault)
    assert "***" in told and "t0ken" not in told
    assert "t0ken" not in repr(client)


def test_a_token_in_the_json_words_is_masked() -> None:
    said = json.dumps({"message": f"bad token {TOKEN}"}).replace("/", "\\u002f")
    with (
        playing(answers(403, said)) as server,
        client_of(server.url) as client,
        pytest.raises(PermanentFault, match=r"bad token \*\*\*"),
    ):
        client.put_order(outcome())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "platform.example.com",
        "ftp://platform.example.com",
        "http://",
        "http://x:y",
        "https://u:p@x",
    ],
)
def test_an_address_that_is_none_is_told_with_its_cure(url: str) -> None:
    with pytest.raises(ConfigurationError, match="block business-platform, url: "):
        PlatformClient(url)


@pytest.mark.parametrize("token", ["s3c ret", "s3c\nret", "密码"])
def test_a_token_that_no_header_carries_is_refused_without_being_told(token: str) -> None:
    with pytest.raises(ConfigurationError, match="block business-platform, token: ") as caught:
        PlatformClient("https://platform.example.com", token)
    assert token not in str(caught.value)


def test_a_token_copied_with_its_line_break_is_taken() -> None:
    with playing(answers(201)) as server, client_of(server.url, token="s3cret\n") as client:
        client.put_order(outcome())
    assert server.headers[0]["Authorization"] == "Bearer s3cret"


def test_no_proxy_stands_before_a_platform_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with playing(answers(201)) as server, client_of(server.url) as client:
        assert client.put_order(outcome()).status == 201


def test_the_block_gives_a_client_and_hides_its_token() -> None:
    with playing(answers(201)) as server:
        block = BusinessPlatform(url=server.url, token=SecretStr(TOKEN), timeout_seconds=2)
        client = block.get_client()
        assert client.put_order(outcome()).status == 201
        client.close()
    assert "t0ken" not in repr(block)


def test_every_field_of_the_block_is_described() -> None:
    own = set(BusinessPlatform.model_fields) - set(Block.model_fields)
    assert own == {"url", "token", "timeout_seconds"}
    assert all(BusinessPlatform.model_fields[name].description for name in own)
    assert BusinessPlatform.get_block_type_slug() == "business-platform"
