"""`ordercast dialect`: what there is, and what would become of a message; nothing is stored."""

import json

import pytest
from typer.testing import CliRunner

from config.settings import PROJECT_DIR
from ordercast.cli import app

EXAMPLES = PROJECT_DIR / "examples/dialects"
COMMANDS = str(EXAMPLES / "network-commands.json")
GONGDAN = str(EXAMPLES / "gongdan-gbk.xml")
SECRETS = ["6A5F3B1E9C2D4478A1B0C3D4E5F60731", "907315", "310101199003070731"]


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "240")

    def call(*arguments, **more):
        return CliRunner().invoke(app, ["dialect", *arguments], **more)

    return call


def test_the_list_says_when_each_is_taken(run):
    told = run("list")
    assert told.exit_code == 0
    assert "network-commands" in told.output
    assert "agent helios-mvne" in told.output
    assert "content /工单报文/工单列表" in told.output


def test_a_message_is_shown_with_its_orders_lines_and_work_orders_masked(run):
    told = run("try", COMMANDS, "--dialect", "network-commands")
    assert told.exit_code == 0
    for shown in ("it was asked for", "HELIOS:SR-20261122-000731", "9 work orders", "VM_PIN=***"):
        assert shown in told.output
    assert "ENABLE_VOLTE, SET_ROAMING, SET_BARRING" in told.output
    assert [secret for secret in SECRETS if secret in told.output] == []


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ((GONGDAN,), "gongdan-xml, for the content fits"),
        ((COMMANDS, "--agent", "helios-mvne"), "network-commands, for the agent is helios-mvne"),
        ((COMMANDS, "--queue", "orders.helios-mvne"), "for the queue is orders.helios-mvne"),
    ],
)
def test_the_choice_is_shown_with_its_reason(run, arguments, chosen):
    told = run("try", *arguments)
    assert told.exit_code == 0
    assert chosen in told.output


def test_a_message_that_nobody_takes_is_read_in_our_own_forms_and_refused(run):
    told = run("try", COMMANDS)
    assert told.exit_code == 1
    assert "tmf641 (our own forms), for no dialect takes it" in told.output
    assert "serviceOrderItem: field required" in told.output


def test_what_is_wrong_is_told_in_the_partners_words(run, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text((EXAMPLES / "network-commands.json").read_text().replace("ACTIVATE", "EAT"))
    told = run("try", str(path), "--dialect", "network-commands")
    assert told.exit_code == 1
    assert "request.provisioning.operation: is none of the known values" in told.output
    assert "use one of: ACTIVATE, CHANGE, TERMINATE" in told.output


def test_what_the_catalogue_refuses_is_told_and_counts(run, tmp_path):
    path = tmp_path / "refused.json"
    text = (EXAMPLES / "network-commands.json").read_text(encoding="utf-8")
    path.write_text(text.replace("8617000210731,", "12,"), encoding="utf-8")
    told = run("try", str(path), "--dialect", "network-commands", "--json")
    assert told.exit_code == 1
    document = json.loads(told.stdout)
    assert document["taken"] is False
    assert document["problems"] == []
    (line,) = document["orders"][0]["lines"]
    assert [each["field"] for each in line["refused"]] == ["msisdn"]


def test_programs_get_the_same_as_json(run):
    document = json.loads(run("try", GONGDAN, "--json").stdout)
    assert (document["dialect"], document["because"]) == ("gongdan-xml", "the content fits")
    assert [len(order["lines"]) for order in document["orders"]] == [2, 1]
    work = document["orders"][0]["lines"][1]["work_orders"]
    assert {"name", "team", "system", "after", "parameters"} == set(work[0])


def test_commands_that_the_catalogue_does_not_use_are_told(run, tmp_path):
    path = tmp_path / "commands.json"
    item = {
        "id": "1",
        "action": "add",
        "service": {
            "serviceSpecification": {"id": "iot-card"},
            "serviceCharacteristic": [{"name": "iccid", "value": "8986012345678901234"}],
            "supportingService": [{"name": "a"}],
        },
    }
    path.write_text(json.dumps({"serviceOrderItem": [item]}))
    told = run("try", str(path))
    assert told.exit_code == 0
    assert "the 1 that the message names are not used" in " ".join(told.output.split())


def test_a_sensitive_path_that_finds_nothing_is_told(run, tmp_path):
    path = tmp_path / "other.json"
    text = (EXAMPLES / "network-commands.json").read_text(encoding="utf-8")
    path.write_text(text.replace('"VM_PIN"', '"VMPIN"'), encoding="utf-8")
    told = run("try", str(path), "--dialect", "network-commands")
    assert told.exit_code == 0
    assert (
        "sensitive path request.provisioning.commands[].arguments[?name=='VM_PIN']" in told.output
    )
    assert "sensitive path" not in run("try", COMMANDS, "--dialect", "network-commands").output


def test_nothing_is_stored(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("try", COMMANDS, "--dialect", "network-commands").exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_message_may_come_from_stdin(run):
    body = (EXAMPLES / "gongdan-gbk.xml").read_bytes()
    assert run("try", "-", "--dialect", "gongdan-xml", input=body).exit_code == 0


def test_an_unknown_dialect_is_told_with_the_known_ones(run):
    told = run("try", COMMANDS, "--dialect", "network")
    assert told.exit_code == 1
    assert "use one of: gongdan-xml, network-commands, tmf641" in told.output
