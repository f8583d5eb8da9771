"""The seal: an outcome is frozen once, with evidence that proves it and tells no secret."""

import gzip
import json
from base64 import b64decode
from hashlib import sha256

import pytest
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ordercast.contracts.outcome import Outcome
from ordercast.domain.errors import NotFound
from ordercast.store import orders, outcomes, runs
from ordercast.store.evidence import evidence as write_evidence
from ordercast.store.overview import overview
from ordercast.store.sealing import sealer
from tasks.completion import await_completion
from tests.orders import (
    body,
    complete,
    generated,
    item,
    order,
    plan_change,
    report,
    run_of,
    sealed,
    stored,
    waiting,
    work_orders,
)

KI, PUK, ID_NUMBER = "0123456789ABCDEF0123456789ABCDEF", "87654321", "11010519491231002X"


def activation(**more):
    secret = {"ki": KI, "opc": KI[::-1], "puk1": PUK, "id-number": ID_NUMBER}
    given = {"msisdn": "8613800138000", "iccid": "8986012345678901234", "imsi": "460001234567890"}
    line = item(
        product="sim-activation", **given, **secret, region="北京", **{"customer-name": "张三"}
    )
    party = [{"id": "portal", "role": "channel"}, {"id": "华信", "role": "agent"}]
    return order(line, item("2", product="no-such"), relatedParty=party, **more)


def outcome(database, order_no, version=1, *, with_evidence=False):
    with database.read() as session:
        return outcomes.sealed(session, order_no, version, with_evidence=with_evidence)


def evidence(database, order_no):
    kept = outcome(database, order_no, with_evidence=True).evidence
    return json.loads(gzip.decompress(kept))


def test_the_outcome_tells_each_line_and_why_it_did_not_complete(database):
    order_no, held = waiting(activation(externalId="订单-1"))
    ready = [each for each in work_orders(order_no) if each.state == "acknowledged"]
    report(ready[0], "failed", code="7", text="证件不符")
    complete(order_no)
    assert await_completion.fn(held)
    told = Outcome.model_validate(outcome(database, order_no).summary)
    assert (told.state, told.agent, told.external_id) == ("failed", "华信", "订单-1")
    assert told.counts == {"failed": 1, "rejected": 1}
    assert [each.text for each in told.lines[0].failures] == ["证件不符"]
    assert "no-such" in told.lines[1].failures[0].text
    assert told.lines[0].characteristics["customer-name"] == "张三"


def test_secrets_are_in_nothing_but_the_sealed_message(database):
    document = activation(description="开通")
    order_no, held = waiting(document)
    complete(order_no)
    assert await_completion.fn(held)
    proof, frozen = evidence(database, order_no), outcome(database, order_no)
    told = [json.dumps(proof, ensure_ascii=False), json.dumps(frozen.summary)]
    with database.read() as session:
        told.append(str(overview(session, order_no, limit=100)))
    for secret in (KI, KI[::-1], PUK, ID_NUMBER):
        assert all(secret not in text for text in told)
    plain = sealer().unseal(b64decode(proof["message"]["sealed"]))
    assert plain == body(document)
    assert proof["message"]["sha256"] == sha256(plain).hexdigest()


def test_no_secret_is_in_the_database_file_either(database, home):
    order_no, held = waiting(activation())
    complete(order_no)
    assert await_completion.fn(held)
    files = [path for path in home.glob("ordercast.db*") if path.is_file()]
    assert files
    for path in files:
        stored_bytes = path.read_bytes()
        assert all(each.encode() not in stored_bytes for each in (KI, KI[::-1], ID_NUMBER))


def test_the_evidence_holds_lines_work_orders_and_reports(database):
    order_no = sealed(plan_change(lines=12))
    proof = evidence(database, order_no)
    assert [line["line_no"] for line in proof["lines"]] == list(range(1, 13))
    assert [each["line_no"] for each in proof["work_orders"]] == sorted(list(range(1, 13)) * 4)
    assert len(proof["reports"]) == 48
    assert proof["work_orders"][0]["ended_at"].endswith("Z")
    assert proof["outcome"]["state"] == proof["order"]["state"] == "completed"


def test_the_evidence_is_the_same_bytes_for_the_same_facts_in_plain_json(database):
    order_no = sealed(plan_change(lines=11))
    frozen = outcome(database, order_no)
    with database.read() as session:
        opened = orders.order(session, order_no)
        first = write_evidence(session, opened, frozen.summary)
        again = write_evidence(session, opened, frozen.summary)
    text = gzip.decompress(first).decode()
    assert first == again
    assert text == json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True)
    assert sha256(first).hexdigest() == sha256(again).hexdigest()
    ids = [each["id"] for each in json.loads(text)["work_orders"]]
    assert ids == sorted(ids, key=lambda each: [int(part) for part in each.split("-")[3:]])


def test_what_is_large_in_an_outcome_is_read_only_by_who_asks_for_it(database):
    order_no = sealed(plan_change())
    with pytest.raises(SQLAlchemyError):
        _ = outcome(database, order_no).evidence
    with pytest.raises(SQLAlchemyError):
        _ = outcome(database, order_no, with_evidence=True).summary


def test_an_outcome_is_sealed_once(database):
    order_no, held = waiting(plan_change())
    complete(order_no)
    assert await_completion.fn(held)
    assert run_of(order_no).stage == "sealed"
    with pytest.raises(IntegrityError), runs.working(held) as work:
        outcomes.seal(work)
    assert outcome(database, order_no).version == 1


def test_there_is_no_outcome_before_the_seal(database):
    order_no, _ = waiting(plan_change())
    with pytest.raises(NotFound):
        outcome(database, order_no)


def test_an_order_is_classified_by_what_it_was_and_how_it_ended(database):
    order_no, held = waiting(activation(priority="0"))
    complete(order_no)
    assert await_completion.fn(held)
    frozen = outcome(database, order_no)
    assert frozen.primary_tag == stored(order_no).primary_tag == "agent-channel"
    assert {"failed", "activation", "urgent", "region-north"} <= set(frozen.tags)


@pytest.mark.parametrize(
    ("parties", "category", "tag"),
    [
        ([{"id": "public", "role": "channel"}], None, "public-portal"),
        ([{"id": "nowhere", "role": "channel"}], "internet", "internet-portal"),
        ([], "iot", "iot"),
        (None, None, "agent-channel"),
    ],
)
def test_the_channel_is_the_party_of_that_role_or_the_category(database, parties, category, tag):
    more = {"relatedParty": parties, "category": category}
    document = plan_change(**{name: value for name, value in more.items() if value is not None})
    assert stored(sealed(document)).primary_tag == tag


def test_an_order_of_rejected_or_unchanged_lines_is_sealed_without_work(database):
    rejected, held = generated(order(item(product="no-such")))
    assert await_completion.fn(held)
    assert stored(rejected).state == "rejected"
    unchanged, held = generated(order(item(action="noChange")))
    assert await_completion.fn(held)
    assert stored(unchanged).state == "completed"
