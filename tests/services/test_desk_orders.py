"""Orders at the desk: finding them, reading one, and asking something of it."""

import hashlib
import re

import pytest
from fastapi.testclient import TestClient

from ordercast.archive.opening import open_archive
from ordercast.domain.errors import TransientFault
from ordercast.domain.people import Role
from ordercast.services.gateway.archived import read_by_block
from ordercast.store import archive as archive_index
from ordercast.store import audit, commands, replays, runs, users
from ordercast.store.clock import now
from ordercast.store.outcomes import sealed as outcome_of
from ordercast.store.runs import working
from ordercast.store.tables import ArchiveEntry
from tasks.archive import evidence_object
from tasks.completion import await_completion
from tests.gateway import gateway
from tests.orders import (
    complete,
    item,
    named,
    order,
    plan_change,
    report,
    submit,
    waiting,
    work_orders,
)

PASSWORD = "battery horse staple"
FIRST = "contract-check"


@pytest.fixture
def archive(tmp_path):
    return open_archive((tmp_path / "archive").as_uri())


@pytest.fixture
def desk(database, archive):
    """The desk as an operator has it before them; `as_viewer` is somebody who only looks."""
    for name, role in (("ann", Role.OPERATOR), ("vic", Role.VIEWER)):
        users.add(database, name, role=role, password=PASSWORD)
    app = gateway()
    app.state.desk.dependency_overrides[read_by_block] = lambda: archive.read
    with TestClient(app, follow_redirects=False) as client:
        sign_in(client, "ann")
        yield client


def sign_in(client, name):
    client.post("/desk/sign-in", data={"name": name, "password": PASSWORD})


def page(desk, path="", **query):
    answer = desk.get(f"/desk/orders{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


def listed(desk, **query):
    return re.findall(r'<tr id="(ord-[^"]+)"', page(desk, **query))


def ask(desk, order_no, what, **form):
    token = re.search(r'name="csrf" value="([^"]+)"', desk.get("/desk/me").text)[1]
    return desk.post(f"/desk/orders/{order_no}/{what}", data={"csrf": token, **form})


def ended(archive, document):
    """An order that was sealed and archived."""
    order_no, lease = waiting(document)
    complete(order_no)
    assert await_completion.fn(lease)
    with working(lease) as work:
        outcome = outcome_of(work.session, order_no, 1, with_evidence=True)
        evidence = evidence_object(outcome)
        archive.put(evidence)
        entry = ArchiveEntry(
            order_no=order_no,
            version=1,
            bucket=evidence.bucket,
            key=evidence.key,
            sha256=evidence.sha256,
            size_bytes=len(evidence.body),
            archived_at=now(),
        )
        archive_index.record(work.session, entry, outcome.tags)
    return order_no


def test_orders_are_listed_the_newest_first_and_narrowed(desk):
    first, second = submit(order()), waiting(plan_change())[0]
    assert listed(desk) == [second, first]
    assert listed(desk, state="inProgress") == [second]
    assert listed(desk, product="plan-change", q="") == [second]
    assert listed(desk, waiting="work-orders", since="1h") == [second]
    assert listed(desk, until="1h") == []
    assert listed(desk, q="nothing like that") == []


def test_what_finds_one_order_opens_it_at_the_line_that_was_sought(desk):
    order_no, _ = waiting(order(item("1"), item("2", iccid="89860012345678901234")))
    answer = desk.get("/desk/orders", params={"q": "8986 0012 3456 7890 1234"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/desk/orders/{order_no}?line=2"


@pytest.mark.parametrize(
    ("query", "field"),
    [({"since": "soon"}, "since"), ({"state": "lost"}, "state"), ({"page": "0"}, "page")],
)
def test_a_filter_that_cannot_be_read_is_told_in_words(desk, query, field):
    answer = desk.get("/desk/orders", params=query)
    assert answer.status_code == 400
    assert field in answer.text


def test_a_search_that_no_database_can_hold_is_told_in_words(desk):
    assert desk.get("/desk/orders", params={"q": "\0"}).status_code in (200, 400)


def test_the_list_follows_as_a_part_of_its_page(desk):
    submit(order())
    answer = desk.get("/desk/orders", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert "<table" in answer.text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "kind", ["received", "waiting", "parked", "failed", "contradicted", "ended", "batch"]
)
def test_every_kind_of_order_has_a_page(desk, archive, kind, language):
    desk.cookies["ordercast_language"] = language
    order_no = KINDS[kind](archive)
    text = page(desk, f"/{order_no}")
    assert order_no in text
    assert page(desk, f"/{order_no}", line=1, state="completed", lines=1)


def parked(_archive):
    order_no, lease = waiting(plan_change())
    runs.park(lease, "the archive does not answer")
    return order_no


def failed(_archive):
    order_no, lease = waiting(plan_change())
    report(named(order_no, FIRST), "failed", code="C-17", text="<b>欠费</b>")
    assert await_completion.fn(lease)
    return order_no


def contradicted(_archive):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), report_id="r-1")
    report(named(order_no, FIRST), "failed", report_id="r-2", reporter="crew-7")
    return order_no


KINDS = {
    "received": lambda _: submit(order()),
    "waiting": lambda _: waiting(plan_change())[0],
    "parked": parked,
    "failed": failed,
    "contradicted": contradicted,
    "ended": lambda archive: ended(archive, plan_change(lines=21)),
    "batch": lambda _: waiting(plan_change(lines=45))[0],
}


def test_an_order_that_there_is_not_is_said(desk):
    assert desk.get("/desk/orders/ord-20261128-nnnnnn").status_code == 404


def test_what_reports_say_is_text_and_never_markup(desk, archive):
    text = page(desk, f"/{failed(archive)}")
    assert "<b>欠费" not in text
    assert "&lt;b&gt;欠费" in text


def test_the_picture_has_every_work_order_and_a_table_beside_it(desk):
    order_no, _ = waiting(plan_change())
    text = page(desk, f"/{order_no}")
    assert text.count('class="node"') == text.count('class="edge"') == 4
    for row in work_orders(order_no):
        assert f"<code>{row.id}</code>" in text


def test_sensitive_values_are_hidden(desk):
    secret = "0123456789ABCDEF0123456789ABCDEF"
    order_no, _ = waiting(order(item(iccid="89860012345678901234", ki=secret)))
    text = page(desk, f"/{order_no}")
    assert secret not in text
    assert "***" in text


def test_only_what_is_possible_has_a_button(desk, archive):
    def buttons(order_no):
        return set(re.findall(r'data-opens="(ask-\w+)"', page(desk, f"/{order_no}")))

    assert buttons(waiting(plan_change())[0]) == {"ask-cancel"}
    assert buttons(parked(archive)) == {"ask-retry", "ask-cancel"}
    assert buttons(failed(archive)) == {"ask-reopen", "ask-replay"}
    assert buttons(ended(archive, plan_change())) == {"ask-replay"}


@pytest.mark.parametrize(
    ("kind", "what"), [("parked", "retry"), ("failed", "reopen"), ("waiting", "cancel")]
)
def test_what_is_asked_becomes_a_command_with_its_reason_and_is_audited(
    desk, archive, database, kind, what
):
    order_no = KINDS[kind](archive)
    answer = ask(desk, order_no, what, reason=" the cause is mended ")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/orders/{order_no}")
    with database.read() as session:
        (asked,) = commands.of_order(session, order_no)
        (noted,) = audit.of_subject(session, order_no)
    assert (asked.kind, asked.asked_by, asked.reason) == (what, "ann", "the cause is mended")
    assert (noted.did, noted.who, noted.reason) == (f"orders.{what}", "ann", asked.reason)
    assert noted.details["command"] == asked.id
    text = page(desk, f"/{order_no}")
    assert "the cause is mended" in text
    assert ask(desk, order_no, what, reason="again").status_code == 409


def test_failed_work_orders_can_be_chosen(desk, archive, database):
    order_no = failed(archive)
    chosen = named(order_no, FIRST).id
    ask(desk, order_no, "reopen", reason="paid", work_order=chosen)
    with database.read() as session:
        (asked,) = commands.of_order(session, order_no)
    assert asked.details == {"work_orders": [chosen]}


def test_everybody_is_told_again(desk, archive, database):
    order_no = failed(archive)
    assert ask(desk, order_no, "replay", reason="they lost a disk").status_code == 303
    with database.read() as session:
        (asked,) = replays.of_order(session, order_no)
        (noted,) = audit.of_subject(session, order_no)
    assert (asked.asked_by, asked.reason) == ("ann", "they lost a disk")
    assert noted.did == "orders.replay"


def test_a_contradicting_report_is_accepted_once(desk, archive, database):
    order_no = contradicted(archive)
    form = {"work_order": named(order_no, FIRST).id, "report": "r-2"}
    assert "accept-report" in page(desk, f"/{order_no}")
    assert ask(desk, order_no, "accept-report", reason="they were there", **form).status_code == 303
    with database.read() as session:
        (asked,) = commands.of_order(session, order_no)
    assert asked.details == form
    other = ask(desk, submit(order()), "accept-report", reason="x", **form)
    assert other.status_code == 409
    unknown = ask(desk, order_no, "accept-report", reason="x", **{**form, "report": "r-9"})
    assert unknown.status_code == 404


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_without_a_reason_nothing_is_asked(desk, archive, database, reason):
    order_no = parked(archive)
    answer = ask(desk, order_no, "retry", reason=reason)
    assert answer.status_code == 400
    assert "reason" in answer.text
    with database.read() as session:
        assert not commands.of_order(session, order_no)


def test_who_only_looks_sees_no_button_and_is_refused(desk, archive, database):
    order_no = parked(archive)
    sign_in(desk, "vic")
    text = page(desk, f"/{order_no}")
    assert "ask-retry" not in text
    for what in ("retry", "cancel", "accept-report"):
        form = {"work_order": "w", "report": "r", "reason": "x"}
        assert ask(desk, order_no, what, **form).status_code == 403
    with database.read() as session:
        assert not commands.of_order(session, order_no)


def test_the_evidence_is_downloaded_with_its_checksum_and_that_is_audited(desk, archive, database):
    order_no = ended(archive, plan_change())
    sha256 = re.search(r"SHA-256: <code>(\w{64})", page(desk, f"/{order_no}"))[1]
    answer = desk.get(f"/desk/orders/{order_no}/versions/1/evidence")
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == sha256
    assert answer.headers["etag"] == f'"{sha256}"'
    assert f"{order_no}-v1.evidence.json.gz" in answer.headers["content-disposition"]
    with database.read() as session:
        assert audit.of_subject(session, order_no)[0].did == "orders.evidence"
    assert desk.get(f"/desk/orders/{order_no}/versions/2/evidence").status_code == 404
    assert desk.get(f"/desk/orders/{order_no}/versions/1/results").status_code == 404


def test_evidence_that_the_archive_lacks_or_does_not_give_is_said_in_words(desk, archive, tmp_path):
    order_no = ended(archive, plan_change())
    path = f"/desk/orders/{order_no}/versions/1/evidence"
    for each in (tmp_path / "archive").rglob("*.gz"):
        each.unlink()
    assert desk.get(path).status_code == 404

    def refuse(_bucket, _key):
        raise TransientFault("connection refused by 10.0.0.7")

    desk.app.state.desk.dependency_overrides[read_by_block] = lambda: refuse
    answer = desk.get(path)
    assert answer.status_code == 409
    assert "the archive does not give it now" in answer.text
    assert "10.0.0.7" not in answer.text
