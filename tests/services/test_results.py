"""The link to a result manifest: whole, redacted, for whoever holds it, until it expires."""

import gzip
import json
from datetime import timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient
from sqlmodel import col, select

from config.settings import settings
from ordercast.archive.opening import open_archive
from ordercast.delivery import result_links
from ordercast.delivery.cloud_events import body_of
from ordercast.domain.errors import PermanentFault, TransientFault
from ordercast.services.gateway.archived import read_by_block
from ordercast.store import engine, results
from ordercast.store.outcomes import sealed
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import ResultManifest
from tasks import archive as archiving
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tests.conftest import forget
from tests.gateway import gateway
from tests.orders import complete, item, order, report, waiting, work_orders
from tests.services.evidence import fresh_bucket

LINES = 25
SECRET = "0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.service)])
def archive(request, tmp_path):
    if request.param == "s3":
        return open_archive(request.getfixturevalue("s3_server").url)
    return open_archive((tmp_path / "archive").as_uri())


@pytest.fixture
def prefix(monkeypatch, database):
    """Buckets of the test's own."""
    monkeypatch.setenv("ORDERCAST_ARCHIVE__BUCKET_PREFIX", f"{fresh_bucket()[:30]}-")
    settings.cache_clear()


@pytest.fixture
def http(database, archive):
    app = gateway()
    app.dependency_overrides[read_by_block] = lambda: archive.read
    with TestClient(app, base_url=settings().gateway_url) as client:
        yield client


def cards(lines=LINES):
    return order(*(item(str(n), iccid=f"8986{n:015}", ki=SECRET) for n in range(1, lines + 1)))


def seal(lines=LINES):
    """A sealed order, of which the first line failed; its number and its lease."""
    order_no, held = waiting(cards(lines))
    report(work_orders(order_no)[0], "failed", code="HSS-5012", text="模板不存在")
    complete(order_no)
    assert await_completion.fn(held)
    return order_no, held


def keep(archive, order_no):
    """What the archive step does, with this archive instead of the block's."""
    with engine.database().write() as session:
        kept = archiving.results_object(sealed(session, order_no, 1, with_evidence=True))
        assert kept
        archive.put(kept)
        results.record(session, _entry(order_no, kept))
    return kept


def _entry(order_no, kept):
    place = {"bucket": kept.bucket, "key": kept.key, "sha256": kept.sha256}
    size = {"size_bytes": len(kept.body), "line_count": LINES}
    return ResultManifest(order_no=order_no, version=1, **place, **size)


def final_event(order_no):
    with engine.database().read() as session:
        query = select(PushEvent).where(PushEvent.order_no == order_no)
        return session.exec(query.order_by(col(PushEvent.sequence).desc())).first()


@pytest.fixture
def told(prefix, archive):
    """The event of a large order that is archived and told."""
    order_no, held = seal()
    keep(archive, order_no)
    assert broadcast.fn(held)
    return final_event(order_no)


def test_the_link_of_the_event_gives_every_line_redacted(http, told):
    link = told.data["results"]
    answer = http.get(link["url"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/gzip"
    assert f"{told.order_no}-v1.results.ndjson.gz" in answer.headers["content-disposition"]
    assert sha256(answer.content).hexdigest() == link["sha256"]
    rows = [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]
    assert (
        [row["line_no"] for row in rows]
        == list(range(1, LINES + 1))
        == list(range(1, link["lines"] + 1))
    )
    first, second = rows[:2]
    assert (first["item_id"], first["state"]) == ("1", "failed")
    assert (first["code"], first["text"]) == ("HSS-5012", "模板不存在")
    assert (second["state"], second["code"], second["iccid"]) == (
        "completed",
        None,
        "898600*********0002",
    )
    everything = gzip.decompress(answer.content).decode()
    assert SECRET not in everything
    assert f"8986{2:015}" not in everything


def test_the_event_says_in_short_what_became_of_the_lines(told):
    assert told.data["counts"] == {"failed": 1, "completed": LINES - 1}
    (failure,) = told.data["failures"]
    assert (failure["line_no"], failure["code"], failure["text"]) == (1, "HSS-5012", "模板不存在")
    assert len(body_of(told, told.data, base_url="https://orders.example").encode()) < 20_000


def test_the_link_holds_so_many_days_from_the_event_on_and_is_kept_with_it(http, told, monkeypatch):
    link = told.data["results"]
    until = told.occurred_at + timedelta(days=settings().archive.results_valid_days)
    expires = int(parse_qs(urlsplit(link["url"]).query)["expires"][0])
    assert expires == int(until.timestamp())
    assert link["expires_at"] == f"{until:%Y-%m-%dT%H:%M:%S}Z"
    once = body_of(told, told.data, base_url="https://orders.example")
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", _new_key_in_front())
    monkeypatch.setenv("ORDERCAST_ARCHIVE__RESULTS_VALID_DAYS", "1")
    forget()
    kept = final_event(told.order_no)
    assert body_of(kept, kept.data, base_url="https://orders.example") == once
    assert http.get(link["url"]).status_code == 200


def _new_key_in_front():
    keys = settings().sealing_keys.get_secret_value()
    return f"{Fernet.generate_key().decode()},{keys}"


def test_a_link_that_was_changed_or_has_expired_is_403_in_words(http, told):
    url = told.data["results"]["url"]
    expires = parse_qs(urlsplit(url).query)["expires"][0]
    for changed in (
        url.replace(f"expires={expires}", f"expires={int(expires) + 1}"),
        url.replace("/1?", "/2?"),
        f"{url}0",
        url.partition("signature=")[0] + "signature=",
        url.partition("signature=")[0] + "signature=%C3%A9",
    ):
        answer = http.get(changed)
        assert answer.status_code == 403
        assert "changed" in answer.json()["message"]
    old = result_links.link(
        told.order_no, 1, expires_at=told.occurred_at - timedelta(days=1), base_url=""
    )
    answer = http.get(old)
    assert answer.status_code == 403
    assert "expired at" in answer.json()["message"]


def test_a_link_to_nothing_is_404_and_one_without_its_parts_400(http, told):
    link = result_links.link(
        "ord-20261122-zzzzzz", 1, expires_at=told.occurred_at + timedelta(days=1), base_url=""
    )
    assert http.get(link).status_code == 404
    answer = http.get(f"/results/{told.order_no}/1")
    assert answer.status_code == 400
    named = {each["field"] for each in answer.json()["problems"]}
    assert named == {"query.expires", "query.signature"}


@pytest.mark.parametrize(
    ("fault", "status"),
    [(TransientFault("host s3.internal is away"), 503), (PermanentFault("no right"), 502)],
)
def test_an_archive_that_does_not_answer_is_said_without_its_address(
    database, prefix, tmp_path, fault, status
):
    archive = open_archive((tmp_path / "archive").as_uri())
    order_no, held = seal()
    keep(archive, order_no)
    assert broadcast.fn(held)

    def refuse(bucket, key):
        raise fault

    app = gateway()
    app.dependency_overrides[read_by_block] = lambda: refuse
    with TestClient(app, base_url=settings().gateway_url) as client:
        answer = client.get(final_event(order_no).data["results"]["url"])
    assert answer.status_code == status
    assert str(fault) not in answer.text
    assert answer.headers["retry-after"]


def test_what_is_missing_in_the_archive_is_404(http, prefix, tmp_path):
    elsewhere = open_archive((tmp_path / "elsewhere").as_uri())
    order_no, held = seal()
    keep(elsewhere, order_no)
    assert broadcast.fn(held)
    assert http.get(final_event(order_no).data["results"]["url"]).status_code == 404


@pytest.mark.parametrize("lines", [1, 20])
def test_an_order_of_few_lines_has_neither_manifest_nor_link(database, lines):
    order_no, held = seal(lines)
    with database.read() as session:
        assert archiving.results_object(sealed(session, order_no, 1, with_evidence=True)) is None
    assert broadcast.fn(held)
    assert "results" not in final_event(order_no).data


def test_a_manifest_that_is_kept_again_changes_nothing_and_another_is_refused(
    prefix, archive, database
):
    order_no, _ = seal()
    kept = keep(archive, order_no)
    assert keep(archive, order_no) == kept
    other = _entry(order_no, kept)
    other.sha256 = "0" * 64
    with database.write() as session, pytest.raises(PermanentFault, match="another"):
        results.record(session, other)
