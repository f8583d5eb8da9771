"""Messages of made-up partners, each mapped by a dialect file alone, become the orders wanted."""

import json
from pathlib import Path

import pytest

from config.catalog import catalogue
from config.dialects import PACKAGED, Dialect, load_dialect
from config.settings import PROJECT_DIR
from ordercast.domain.masking import MASKED
from ordercast.intake.drafts import Parsed
from ordercast.intake.reading import read_in

PARTNERS = PROJECT_DIR / "tests/partners"
EXAMPLES = PROJECT_DIR / "examples/dialects"
SHIPPED = {
    "network-commands.json": "network-commands",
    "gongdan.xml": "gongdan-xml",
    "gongdan-gbk.xml": "gongdan-xml",
}
CASES = {
    **{
        each.name: (next(each.glob("message.*")), each / "dialect.yaml", each / "orders.json")
        for each in sorted(PARTNERS.iterdir())
        if (each / "dialect.yaml").exists()
    },
    **{
        name: (EXAMPLES / name, PACKAGED / f"{dialect}.yaml", PARTNERS / "shipped" / f"{name}.json")
        for name, dialect in SHIPPED.items()
    },
}
SECRETS = {
    "soap-services": ["P1234567", "00112233445566778899AABBCCDDEEFF", "t0k3n"],
    "iot-fleet": ["4711", "8150", "1111"],
    "portal-rows": ["FFEEDDCCBBAA00998877665544332211"],
    "shop-basket": ["X-555-1234-77"],
    "core-tree": ["A1B2C3D4E5F60718293A4B5C6D7E8F90", "4711"],
    "switch-log": ["110101199001010011"],
    "network-commands.json": ["6A5F3B1E", "0F1E2D3C", "310101199003070731", "907315"],
    "gongdan.xml": ["320102198807150451", "1B2C3D4E", "9A8B7C6D"],
    "gongdan-gbk.xml": ["320102198807150461", "1B2C3D4E", "9A8B7C6D"],
}


def read_case(name: str) -> tuple[Dialect, Parsed, Path]:
    message, dialect, golden = CASES[name]
    loaded = load_dialect(dialect)
    return loaded, read_in(loaded, message.read_bytes(), ""), golden


@pytest.mark.parametrize("name", CASES)
def test_the_message_becomes_the_orders_that_are_wanted(name):
    _, parsed, golden = read_case(name)
    assert not parsed.problems
    made = [draft.document for draft in parsed.drafts]
    assert made == json.loads(golden.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_the_catalogue_takes_every_line_and_makes_work_orders_of_it(name):
    _, parsed, _ = read_case(name)
    for draft in parsed.drafts:
        for line in draft.order.lines:
            service = line.service
            given = (service.characteristics, service.commands)
            assert not catalogue().problems_with(service.product, line.action, *given)
            policy = catalogue().policy(service.product, line.action)
            assert policy
            made = policy.for_line(service.commands).work_orders
            assert len(made) >= max(len(service.commands), 1)


@pytest.mark.parametrize("name", CASES)
def test_no_sensitive_value_comes_through_the_mask(name):
    message = CASES[name][0].read_bytes()
    _, parsed, _ = read_case(name)
    masked = json.dumps([catalogue().mask(draft.document) for draft in parsed.drafts])
    assert SECRETS[name]
    assert [secret for secret in SECRETS[name] if secret in masked] == []
    assert all(secret.encode() in message for secret in SECRETS[name])
    assert MASKED in masked


def test_every_packaged_dialect_has_an_example():
    assert {path.stem for path in PACKAGED.glob("*.yaml")} == set(SHIPPED.values())


def test_each_command_of_the_shipped_example_is_a_work_order_that_comes_after_the_step_before():
    _, parsed, _ = read_case("network-commands.json")
    (line,) = parsed.drafts[0].order.lines
    policy = catalogue().policy(line.service.product, line.action)
    assert policy
    made = policy.for_line(line.service.commands).work_orders
    assert {name: (kind.system, kind.after) for name, kind in made.items()} == {
        "ADD_KI": ("auc", ()),
        "CREATE_HLR_PROFILE": ("hlr", ("ADD_KI",)),
        "CREATE_HSS_PROFILE": ("hss", ("ADD_KI",)),
        "ADD_APN": ("pgw", ("CREATE_HLR_PROFILE", "CREATE_HSS_PROFILE")),
        "ADD_APN-2": ("pgw", ("CREATE_HLR_PROFILE", "CREATE_HSS_PROFILE")),
        "ENABLE_VOLTE": ("ims", ("ADD_APN", "ADD_APN-2")),
        "SET_ROAMING": ("hlr", ("ADD_APN", "ADD_APN-2")),
        "SET_BARRING": ("hlr", ("ADD_APN", "ADD_APN-2")),
        "CREATE_VOICE_MAIL": ("voicemail", ("ENABLE_VOLTE", "SET_ROAMING", "SET_BARRING")),
    }
    assert str(policy.for_line(line.service.commands).due_after["CREATE_VOICE_MAIL"]) == "2:30:00"
