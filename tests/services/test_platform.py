"""The reference business platform: what it keeps, what it answers, what it refuses."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from config.settings import child_environment
from ordercast.contracts.outcome import Outcome
from ordercast.services.platform.app import create_app
from ordercast.services.platform.class_stores import store_name
from ordercast.services.platform.database import PlatformDatabase
from ordercast.services.platform.tables import PlatformTable
from tests.services.platform_server import SEALED_AT, START_SECONDS, line, outcome, served

ORDER = "/orders/ord-20261122-abcdef"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'platform.db'}"


@pytest.fixture
def platform(url: str) -> Iterator[TestClient]:
    with TestClient(create_app(url)) as client:
        yield client


@contextmanager
def running(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """The platform as a process of its own, with its settings' defaults in the home."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = (
        "import threading as t; from ordercast.services.platform.service import run; run(t.Event())"
    )
    changes = {"ORDERCAST_HOME": str(home / "home"), "ORDERCAST_PLATFORM__PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-c", code], env=child_environment(changes))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await_health(process, client)
            yield process, client
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def await_health(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if client.get("/health").is_success:
                return
        time.sleep(0.05)
    raise AssertionError("the platform did not start")


def put(client: httpx.Client, sent: Outcome, key: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": key or f"{sent.order_no}:{sent.version}"}
    return client.put(f"/orders/{sent.order_no}", content=sent.model_dump_json(), headers=headers)


def message(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) == {"code", "reason", "message", "status"}
    assert body["status"] == str(answer.status_code)
    return body["message"]


def numbered(number: int, **changes: Any) -> Outcome:
    sealed_at = SEALED_AT + timedelta(minutes=number)
    return outcome(order_no=f"ord-20261122-{number:06d}", sealed_at=sealed_at, **changes)


# Keeping


def test_an_outcome_put_for_the_first_time_is_kept_and_answered_201(platform: TestClient) -> None:
    answer = put(platform, outcome())
    assert answer.status_code == 201
    assert answer.json() | {"sha256": "", "received_at": ""} == {
        "order_no": "ord-20261122-abcdef",
        "version": 1,
        "class": "agent-channel",
        "state": "completed",
        "line_count": 1,
        "sha256": "",
        "received_at": "",
        "current_version": 1,
    }


def test_what_is_read_is_what_was_put(platform: TestClient) -> None:
    put(platform, outcome())
    assert Outcome.model_validate_json(platform.get(ORDER).content) == outcome()


def test_the_same_key_with_the_same_content_gets_the_first_answer_again(
    platform: TestClient,
) -> None:
    first, again = put(platform, outcome()), put(platform, outcome())
    assert again.status_code == 200
    assert again.content == first.content


def test_the_first_answer_stands_after_a_newer_version_came(platform: TestClient) -> None:
    first = put(platform, outcome())
    put(platform, outcome(version=2))
    assert put(platform, outcome()).content == first.content


def test_the_order_of_json_fields_is_not_content(platform: TestClient) -> None:
    put(platform, outcome())
    turned = dict(reversed(outcome().model_dump(mode="json").items()))
    key = {"Idempotency-Key": "ord-20261122-abcdef:1"}
    assert platform.put(ORDER, json=turned, headers=key).status_code == 200


def test_the_same_key_with_other_content_is_a_conflict_in_words(platform: TestClient) -> None:
    put(platform, outcome())
    answer = put(platform, outcome(state="failed"))
    assert answer.status_code == 409
    assert "Idempotency-Key 'ord-20261122-abcdef:1' was used on" in message(answer)
    assert platform.get(ORDER).json()["state"] == "completed"


def test_a_key_of_another_order_is_a_conflict(platform: TestClient) -> None:
    put(platform, outcome(), key="k")
    answer = put(platform, numbered(7), key="k")
    assert answer.status_code == 409
    assert "for order ord-20261122-abcdef version 1" in message(answer)


def test_another_key_for_a_held_version_answers_by_its_content(platform: TestClient) -> None:
    first = put(platform, outcome(), key="first")
    assert put(platform, outcome(), key="second").content == first.content
    assert put(platform, outcome(state="failed"), key="third").status_code == 409
    assert put(platform, numbered(7), key="second").status_code == 409


def test_an_older_version_is_kept_but_does_not_become_the_current_one(
    platform: TestClient,
) -> None:
    put(platform, outcome(version=2, state="completed"))
    late = put(platform, outcome(version=1, state="partial"))
    assert late.status_code == 201
    assert late.json()["current_version"] == 2
    assert platform.get(ORDER).json()["version"] == 2
    assert platform.get(ORDER, params={"version": 1}).json()["state"] == "partial"
    assert platform.get("/orders", params={"state": "partial"}).json() == []


def test_all_versions_are_listed_the_newest_first(platform: TestClient) -> None:
    put(platform, outcome(version=1, state="partial"))
    put(platform, outcome(version=2, primary_tag="iot"))
    entries = platform.get(f"{ORDER}/versions").json()
    told = [(row["version"], row["class"], row["state"], row["current"]) for row in entries]
    assert told == [(2, "iot", "completed", True), (1, "agent-channel", "partial", False)]


def test_a_batch_of_ten_thousand_lines_comes_back_whole(platform: TestClient) -> None:
    batch = outcome(lines=[line(number) for number in range(1, 10_001)])
    assert put(platform, batch).status_code == 201
    assert len(platform.get(ORDER).json()["lines"]) == 10_000


def test_a_body_over_the_limit_is_refused(url: str) -> None:
    with TestClient(create_app(url, max_body_bytes=1000)) as client:
        answer = put(client, outcome(lines=[line(number) for number in range(1, 50)]))
    assert answer.status_code == 413
    assert "over 1000 bytes" in message(answer)


# Classes


def test_each_class_has_a_table_of_its_own(platform: TestClient, url: str) -> None:
    for number, tag in enumerate(
        ["物联网", "物联网卡", "IoT", "iot", 'a"; DROP TABLE order_index']
    ):
        put(platform, numbered(number, primary_tag=tag))
    stores = [row["store"] for row in platform.get("/classes").json()]
    assert len(set(stores)) == 5
    database = PlatformDatabase(url)
    with database.read() as session:
        assert set(stores) < set(inspect(session.connection()).get_table_names())
        counts = {session.connection().scalar(text(f"SELECT count(*) FROM {s}")) for s in stores}  # noqa: S608
    assert counts == {1}
    database.close()


def test_the_classes_count_current_orders_by_state(platform: TestClient) -> None:
    for number, state in enumerate(["completed", "completed", "partial"]):
        put(platform, numbered(number, state=state, primary_tag="批量"))
    put(platform, numbered(9, primary_tag="iot"))
    put(platform, numbered(9, primary_tag="批量", version=2))
    classes = {row["class"]: row["counts"] for row in platform.get("/classes").json()}
    assert classes == {"iot": {}, "批量": {"completed": 3, "partial": 1}}


@given(st.text(min_size=1).filter(lambda name: not re.search(r"[\ud800-\udfff]", name)))
def test_any_class_name_gives_a_name_that_databases_take_unquoted(name: str) -> None:
    assert re.fullmatch(r"class_[a-z0-9_]{12,57}", store_name(name))


@given(st.sets(st.text(alphabet="Aa物联-_ /", min_size=1), min_size=2, max_size=2))
def test_two_classes_never_share_a_table(names: set[str]) -> None:
    assert len({store_name(name) for name in names}) == 2


def test_the_platforms_tables_are_not_among_those_of_ordercast() -> None:
    assert PlatformTable.metadata is not SQLModel.metadata
    assert not set(PlatformTable.metadata.tables) & set(SQLModel.metadata.tables)


# Finding


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"state": "failed"}, [2]),
        ({"state": "failed,partial"}, [3, 2]),
        ({"tag": "漫游"}, [3]),
        ({"tag": "iot"}, [4]),
        ({"agent": "agent-y"}, [2]),
        ({"class": "iot"}, [4]),
        ({"since": "2026-11-22T08:32:00Z"}, [4, 3, 2]),
        ({"until": "2026-11-22T08:32:00Z"}, [1]),
        ({"since": "2026-11-22T16:32:00+08:00", "until": "2026-11-22T08:33:00"}, [2]),
        ({"state": "completed", "class": "agent-channel"}, [1]),
        ({"agent": "nobody"}, []),
    ],
)
def test_a_list_has_the_orders_that_all_filters_let_through(
    platform: TestClient, asked: dict[str, str], found: list[int]
) -> None:
    put(platform, numbered(1))
    put(platform, numbered(2, state="failed", agent="agent-y"))
    put(platform, numbered(3, state="partial", tags=["agent-channel", "漫游"]))
    put(platform, numbered(4, primary_tag="iot", tags=["iot"]))
    answer = platform.get("/orders", params=asked)
    assert [int(row["order_no"][-6:]) for row in answer.json()] == found
    assert answer.headers["X-Total-Count"] == str(len(found))


def test_a_list_is_paged_and_says_how_many_there_are(platform: TestClient) -> None:
    for number in range(5):
        put(platform, numbered(number))
    answer = platform.get("/orders", params={"offset": 3, "limit": 10})
    assert [int(row["order_no"][-6:]) for row in answer.json()] == [1, 0]
    assert (answer.headers["X-Total-Count"], answer.headers["X-Result-Count"]) == ("5", "2")


def test_a_list_leaves_the_lines_out(platform: TestClient) -> None:
    put(platform, outcome())
    (row,) = platform.get("/orders").json()
    assert row == outcome().model_dump(mode="json", exclude={"lines"})


# Refusing


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"order_no": "ord-20261122-zzzzzz"}, "order_no: is 'ord-20261122-zzzzzz', but the path"),
        ({"version": 0}, "version: input should be greater than or equal to 1"),
        ({"version": 2**40}, "version: is over"),
        ({"primary_tag": ""}, "primary_tag: is empty"),
        ({"colour": "red"}, "colour: extra inputs are not permitted; leave it out"),
        ({"lines": [{"line_no": 1}]}, "lines.0.item_id: field required; give it"),
        ({"sealed_at": "0001-01-01T00:00:00+14:00"}, "sealed_at: is not a time in UTC"),
    ],
)
def test_a_wrong_body_is_refused_by_the_name_of_the_field(
    platform: TestClient, changes: dict[str, Any], said: str
) -> None:
    body = outcome().model_dump(mode="json") | changes
    answer = platform.put(ORDER, json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400
    assert said in message(answer)
    assert platform.get("/orders").json() == []


def test_a_body_with_many_faults_tells_the_first_and_counts_the_rest(platform: TestClient) -> None:
    body = outcome().model_dump(mode="json") | {"lines": [{}] * 100}
    answer = platform.put(ORDER, json=body, headers={"Idempotency-Key": "k"})
    assert message(answer).endswith("; and 480 more")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a": "\\ud800"}', b"[" * 9999])
def test_a_body_that_is_no_outcome_is_refused(platform: TestClient, body: bytes) -> None:
    answer = platform.put(ORDER, content=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400
    assert message(answer)


def test_a_put_without_a_key_is_refused(platform: TestClient) -> None:
    answer = platform.put(ORDER, content=outcome().model_dump_json())
    assert answer.status_code == 400
    assert "Idempotency-Key: field required" in message(answer)


@pytest.mark.parametrize(
    "path",
    [ORDER, f"{ORDER}/versions", "/nowhere"],
)
def test_what_is_not_there_is_404(platform: TestClient, path: str) -> None:
    answer = platform.get(path)
    assert answer.status_code == 404
    assert message(answer)


def test_a_version_that_is_not_held_is_404(platform: TestClient) -> None:
    put(platform, outcome())
    assert "version 2" in message(platform.get(ORDER, params={"version": 2}))


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"offset": -1}, {"since": "soon"}, {"since": "0001-01-01T00:00+14:00"}]
)
def test_a_wrong_parameter_is_refused_by_name(platform: TestClient, asked: dict[str, Any]) -> None:
    answer = platform.get("/orders", params=asked)
    assert answer.status_code == 400
    assert f"query.{next(iter(asked))}: " in message(answer)


# Token, health, documentation


@pytest.mark.parametrize("sent", [None, "", "Bearer ", "Bearer wrong", "Basic s3cret", "s3cret"])
def test_a_request_without_the_token_is_told_so(url: str, sent: str | None) -> None:
    headers = {} if sent is None else {"Authorization": sent}
    with TestClient(create_app(url, token="s3cret")) as client:
        answer = client.get("/orders", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "token" in message(answer).lower() and "s3cret" not in message(answer)


def test_a_request_with_the_token_is_served_and_health_needs_none(url: str) -> None:
    with TestClient(create_app(url, token="s3cret")) as client:
        headers = {"Authorization": "Bearer s3cret"}
        assert client.get("/orders", headers=headers).status_code == 200
        assert client.get("/health").json() == {"status": "ok"}


def test_the_api_description_has_every_schema_that_it_names(platform: TestClient) -> None:
    described = platform.get("/openapi.json").json()
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(described)))
    assert {"Outcome", "OutcomeLine", "Refusal"} <= named <= set(described["components"]["schemas"])


# Several at once, and again after a stop


def test_one_of_many_senders_of_the_same_order_is_the_first(url: str) -> None:
    with served(create_app(url)) as first, served(create_app(url)) as second:
        together = threading.Barrier(8)

        def send(number: int) -> httpx.Response:
            with httpx.Client(base_url=(first, second)[number % 2], trust_env=False) as client:
                together.wait()
                return put(client, outcome(primary_tag="新类"))

        with ThreadPoolExecutor(8) as senders:
            answers = list(senders.map(send, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.content for answer in answers}) == 1


def test_orders_that_come_together_share_a_class_that_was_new(url: str) -> None:
    with served(create_app(url)) as first, served(create_app(url)) as second:
        together = threading.Barrier(8)

        def send(number: int) -> int:
            with httpx.Client(base_url=(first, second)[number % 2], trust_env=False) as client:
                together.wait()
                return put(client, numbered(number, primary_tag="新类")).status_code

        with ThreadPoolExecutor(8) as senders:
            assert list(senders.map(send, range(8))) == [201] * 8
        (entry,) = httpx.get(f"{first}/classes", trust_env=False).json()
    assert entry["counts"] == {"completed": 8}


def test_versions_that_come_together_leave_the_newest_current(url: str) -> None:
    with served(create_app(url)) as base, httpx.Client(base_url=base, trust_env=False) as client:
        with ThreadPoolExecutor(6) as senders:
            sent = [outcome(version=version) for version in (3, 1, 6, 2, 5, 4)]
            answers = list(senders.map(lambda each: put(client, each), sent))
        assert {answer.status_code for answer in answers} == {201}
        assert client.get(ORDER).json()["version"] == 6
        assert len(client.get(f"{ORDER}/versions").json()) == 6


def test_what_was_kept_is_there_after_a_restart(url: str) -> None:
    with served(create_app(url)) as base, httpx.Client(base_url=base, trust_env=False) as client:
        first = put(client, outcome(primary_tag="批量"))
    with served(create_app(url)) as base, httpx.Client(base_url=base, trust_env=False) as client:
        assert put(client, outcome(primary_tag="批量")).content == first.content
        assert put(client, numbered(1, primary_tag="批量")).status_code == 201


def test_what_was_answered_survives_a_kill_of_the_process(tmp_path: Path) -> None:
    with running(tmp_path) as (process, client):
        first = put(client, outcome())
        process.kill()
        process.wait(START_SECONDS)
    with running(tmp_path) as (_, client):
        assert put(client, outcome()).content == first.content
        assert client.get(ORDER).json()["version"] == 1


def test_processes_that_start_together_create_the_tables_once(url: str) -> None:
    code = (
        "import sys; from ordercast.services.platform.database import PlatformDatabase as P; "
        "P(sys.argv[1]).create_tables()"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]


def test_a_database_that_is_locked_is_answered_503_with_a_time_to_wait(url: str) -> None:
    app = create_app(url)
    with TestClient(app) as client:
        app.state.database.close()
        app.state.database = PlatformDatabase(url, busy_timeout_seconds=0.05)
        other = PlatformDatabase(url)
        with other.write() as session:
            session.connection()
            answer = put(client, outcome())
        other.close()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "send the same request again" in message(answer)
