"""A message in a dialect, from receipt to evidence: kept as it came, translated once, sealed."""

import gzip
import json
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

import pytest
from sqlmodel import col, select

from config.dialects import dialects_with
from config.settings import PROJECT_DIR, settings
from ordercast.domain.errors import Conflict, InvalidMessage, PermanentFault
from ordercast.intake.accept import accept
from ordercast.intake.change import change
from ordercast.store import inbox
from ordercast.store.evidence import MOST_SHARED_BYTES
from ordercast.store.inbox import RawMessage
from ordercast.store.sealing import sealer
from ordercast.store.tables import InboxMessage, OrderLine, OrderOutcome, ServiceOrder
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders
from tests.orders import complete, lease, line_states, order, states, stored, submit, work_orders

EXAMPLES = PROJECT_DIR / "examples/dialects"
COMMANDS = (EXAMPLES / "network-commands.json").read_bytes()
GONGDAN = (EXAMPLES / "gongdan-gbk.xml").read_bytes()
SECRETS = [
    "6A5F3B1E9C2D4478A1B0C3D4E5F60731",
    "0F1E2D3C4B5A69788796A5B4C3D20731",
    "310101199003070731",
    "907315",
]
OWN = """\
format: json
when: {agents: [own]}
order:
  external_id: no
  lines: {product: {constant: iot-card}, action: {constant: add}, characteristics: {iccid: card}}
"""


def message(body=COMMANDS, media_type="application/json", **more):
    return RawMessage(body, media_type, "test", **{"agent": "helios-mvne", **more})


def taken(database, given=None, **more):
    receipt = accept(database, given or message(), **more)
    return [each.order_no for each in receipt.orders]


def carried(order_no):
    """The order with all its work orders generated; its lease."""
    held = lease(order_no)
    assert receive.fn(held) and decompose.fn(held) and generate_work_orders.fn(held)
    return held


def sealed_outcome(database, order_no, held):
    assert not await_completion.fn(held)
    complete(order_no)
    assert await_completion.fn(held)
    with database.read() as session:
        return session.get_one(OrderOutcome, (order_no, 1))


def evidence_of(outcome):
    return json.loads(gzip.decompress(outcome.evidence))


def rows(database, table):
    with database.read() as session:
        return session.exec(select(table)).all()


@pytest.fixture
def own(tmp_path_factory, monkeypatch):
    """The file of a dialect of the operator's own, that a test may change."""
    folder = tmp_path_factory.mktemp("dialects")
    monkeypatch.setenv("ORDERCAST_DIALECTS", str(folder))
    path = folder / "own.yaml"

    def write(text):
        path.write_text(text, encoding="utf-8")
        settings.cache_clear()
        dialects_with.cache_clear()

    write(OWN)
    return write


def test_the_message_is_kept_as_it_came_and_the_order_as_it_was_translated(database):
    (order_no,) = taken(database)
    origin, translated = sorted(rows(database, InboxMessage), key=lambda row: row.media_type)
    if origin.translated_from:
        origin, translated = translated, origin
    assert inbox.plain_body(origin) == COMMANDS
    assert origin.sha256 == sha256(COMMANDS).hexdigest()
    assert (origin.dialect, origin.outcome) == ("network-commands", "accepted")
    assert translated.translated_from == origin.id
    assert origin.order_no == translated.order_no == order_no
    assert stored(order_no).message_id == translated.id
    assert json.loads(inbox.plain_body(translated))["externalId"] == "HELIOS:SR-20261122-000731"
    assert stored(order_no).agent == "helios-mvne"


def test_each_command_becomes_a_work_order_with_its_parameters(database):
    (order_no,) = taken(database)
    carried(order_no)
    made = {row.name: row for row in work_orders(order_no)}
    suffix = order_no.removeprefix("ord-")
    assert [row.id for row in made.values()] == [f"wo-{suffix}-1-{n}" for n in range(1, 10)]
    assert made["ADD_KI"].parameters == {
        "IMSI": "460990002107310",
        "KI": "***",
        "OPC": "***",
        "AMF": "8000",
    }
    assert made["CREATE_VOICE_MAIL"].parameters == {"BOX": "standard", "VM_PIN": "***"}
    assert made["SET_ROAMING"].system == "hlr"
    assert made["ADD_KI"].depends_on == []
    assert states(order_no)["ADD_KI"] == "acknowledged"
    assert states(order_no)["ADD_APN"] == "pending"
    complete(order_no)
    assert line_states(order_no) == ["completed"]


def test_no_secret_stands_anywhere_but_sealed(database):
    (order_no,) = taken(database)
    held = carried(order_no)
    outcome = sealed_outcome(database, order_no, held)
    with database.engine.connect() as connection:
        tables = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if database.is_sqlite
            else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).scalars()
        stored_text = "".join(
            str(connection.exec_driver_sql(f'SELECT * FROM "{name}"').all())  # noqa: S608
            for name in tables.all()
        )
    read = stored_text + json.dumps(outcome.summary) + json.dumps(evidence_of(outcome))
    assert "***" in read
    assert [secret for secret in SECRETS if secret in read] == []


def test_the_outcome_tells_the_platform_of_each_command(database):
    (order_no,) = taken(database)
    outcome = sealed_outcome(database, order_no, carried(order_no))
    (line,) = outcome.summary["lines"]
    told = {each["name"]: each for each in line["work_orders"]}
    assert len(told) == 9
    assert told["ADD_KI"]["parameters"]["KI"] == "***"
    assert told["ADD_APN-2"]["parameters"]["APN"] == "ims"
    assert told["ADD_APN-2"]["state"] == "completed"


def test_orders_whose_work_the_catalogue_names_are_told_as_ever(database):
    order_no = submit(order())
    outcome = sealed_outcome(database, order_no, carried(order_no))
    assert "work_orders" not in outcome.summary["lines"][0]


def test_the_evidence_carries_the_bytes_that_came_and_what_was_read_of_them(database):
    first, second = taken(database, message(GONGDAN, "application/xml", agent=None))
    for order_no in (first, second):
        found = evidence_of(sealed_outcome(database, order_no, carried(order_no)))
        came = sealer().unseal(b64decode(found["message"]["sealed"]))
        assert came == GONGDAN
        assert found["message"]["sha256"] == sha256(GONGDAN).hexdigest()
        read = json.loads(sealer().unseal(b64decode(found["translated"]["sealed"])))
        assert read["externalId"] == stored(order_no).external_id


def test_of_a_large_message_with_several_orders_the_first_has_the_bytes(database):
    padded = GONGDAN.replace(b"</", b" " * MOST_SHARED_BYTES + b"</", 1)
    first, second = taken(database, message(padded, "application/xml", agent=None))
    whole = evidence_of(sealed_outcome(database, first, carried(first)))
    assert sealer().unseal(b64decode(whole["message"]["sealed"])) == padded
    other = evidence_of(sealed_outcome(database, second, carried(second)))
    assert "sealed" not in other["message"]
    assert other["message"]["sealed_in"] == first
    assert other["message"]["sha256"] == sha256(padded).hexdigest()
    assert other["translated"]["sealed"]


def test_the_same_message_again_is_the_same_order(database):
    first = taken(database)
    receipt = accept(database, message())
    assert [(each.order_no, each.is_new) for each in receipt.orders] == [(first[0], False)]
    assert len(rows(database, ServiceOrder)) == 1
    assert sorted(row.outcome for row in rows(database, InboxMessage)) == [
        "accepted",
        "accepted",
        "duplicate",
    ]


def test_other_content_under_the_same_number_is_a_conflict_that_names_no_value(database):
    taken(database)
    changed = COMMANDS.replace(SECRETS[0].encode(), SECRETS[0][::-1].encode())
    with pytest.raises(Conflict) as refused:
        taken(database, message(changed))
    assert refused.value.fields
    assert SECRETS[0][::-1] not in str(refused.value)
    (conflict,) = [row for row in rows(database, InboxMessage) if row.outcome == "conflict"]
    assert inbox.plain_body(conflict) == changed


def test_the_same_bytes_are_the_same_order_though_the_dialect_was_changed(database, own):
    body = b'{"no": "7", "card": "8986012345678901234"}'
    first = taken(database, message(body, agent="own"))
    own(OWN.replace("{iccid: card}", "{iccid: card, apn: {constant: internet}}"))
    assert taken(database, message(body, agent="own")) == first
    with pytest.raises(Conflict):
        taken(database, message(body + b" ", agent="own"))


@pytest.mark.parametrize("later", ["format: xml\n", None])
def test_orders_in_flight_do_not_mind_what_becomes_of_the_dialect(database, own, later, tmp_path):
    body = b'{"no": "7", "card": "8986012345678901234"}'
    (order_no,) = taken(database, message(body, agent="own"))
    own(later + OWN.split("\n", 1)[1] if later else OWN.replace("external_id: no", "note: no"))
    carried(order_no)
    with database.read() as session:
        (line,) = session.exec(select(OrderLine).where(col(OrderLine.order_no) == order_no)).all()
    assert line.document["service"]["serviceCharacteristic"][0]["value"] == "8986012345678901234"


def test_an_order_out_of_a_dialect_can_be_changed_and_keeps_what_came(database):
    (order_no,) = taken(database)
    patch = RawMessage(b'{"description": "mended"}', "application/json", "test")
    change(database, order_no, patch)
    found = evidence_of(sealed_outcome(database, order_no, carried(order_no)))
    assert sealer().unseal(b64decode(found["message"]["sealed"])) == COMMANDS
    read = json.loads(sealer().unseal(b64decode(found["translated"]["sealed"])))
    assert read["description"] == "mended"


def test_what_is_refused_is_kept_sealed_with_the_partners_words(database):
    broken = GONGDAN.replace("开户".encode("gbk"), "过户".encode("gbk"))
    with pytest.raises(InvalidMessage) as refused:
        accept(database, message(broken, "application/xml", agent=None))
    (kept,) = rows(database, InboxMessage)
    assert kept.id == refused.value.message_id
    assert (kept.outcome, kept.dialect) == ("refused", "gongdan-xml")
    assert inbox.plain_body(kept) == broken
    fields = {each["field"] for each in kept.problems}
    assert fields == {"/工单报文/工单列表/工单[1]/业务明细/业务[1]/业务类型"}
    assert rows(database, ServiceOrder) == []


def test_the_good_lines_are_taken_on_request(database):
    broken = GONGDAN.replace("开户".encode("gbk"), "过户".encode("gbk"))
    given = message(broken, "application/xml", agent=None)
    receipt = accept(database, given, only_valid=True)
    assert len(receipt.orders) == 2
    assert len({each.field for each in receipt.left_out}) == 1
    assert [stored(each.order_no).line_count for each in receipt.orders] == [1, 1]


def test_a_kept_order_that_can_no_longer_be_read_fails_the_run_in_words(database):
    order_no = submit(order())
    with database.write() as session:
        kept = inbox.message(session, stored(order_no).message_id)
        kept.media_type = "application/gone"
    held = lease(order_no)
    assert receive.fn(held)
    with pytest.raises(PermanentFault, match="can no longer be read"):
        decompose.fn(held)


def test_by_queue_and_by_name_the_dialect_is_remembered(database):
    taken(database, replace(message(), agent=None, queue="orders.helios-mvne"))
    assert {row.dialect for row in rows(database, InboxMessage)} == {"network-commands"}


def test_the_same_csv_in_a_dialect_is_one_order(database, own):
    own(
        "format: csv\nwhen: {agents: [own]}\n"
        "order:\n  lines: {product: p, action: a, characteristics: {iccid: c}}\n"
    )
    given = message(b"p,a,c\niot-card,add,8986012345678901234\n", "text/csv", agent="own")
    assert taken(database, given) == taken(database, given)


def test_a_line_without_commands_is_rejected_where_the_message_should_name_them(database):
    document = json.loads(COMMANDS)
    document["request"]["provisioning"]["commands"] = []
    (order_no,) = taken(database, message(json.dumps(document).encode()))
    carried(order_no)
    assert line_states(order_no) == ["rejected"]
