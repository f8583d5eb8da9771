"""The sample orders are what they claim, and the documentation's examples are true."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml

from config.catalog import catalogue, load_catalog
from config.dialect_rules import Each, Rule, Taken
from config.dialect_shape import (
    CsvShape,
    DatesShape,
    DialectShape,
    LinesShape,
    OrderShape,
    WhenShape,
    WorkOrdersShape,
)
from config.dialects import load_dialect
from config.settings import PROJECT_DIR
from config.tags import FACTS, load_tags
from ordercast.contracts.service_order import ServiceOrderCreate
from ordercast.domain.classify import classify
from ordercast.domain.commands import Command
from ordercast.domain.order import ItemAction
from ordercast.intake.parse import parse
from ordercast.intake.reading import read_in

EXAMPLES = PROJECT_DIR / "examples"
DOCS = PROJECT_DIR / "docs"
BATCH = EXAMPLES / "batch-sim-activation.csv"
MALFORMED = EXAMPLES / "malformed-order.json"
GOOD = sorted(path for path in EXAMPLES.glob("*.json") if path != MALFORMED)
SECRET_NAMES = {"ki", "opc", "pin1", "puk1", "id-number", "porting-code"}


def order(path: Path) -> ServiceOrderCreate:
    return ServiceOrderCreate.model_validate_json(path.read_bytes())


def yaml_block(page: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[0]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_shipped_catalogue_takes_every_line_of_each_sample_order(path):
    for line in order(path).lines:
        service = line.service
        given = (service.characteristics, service.commands)
        assert not catalogue().problems_with(service.product, line.action, *given)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_each_sample_order_is_accepted_and_names_its_agent(path):
    parsed = parse(path.read_bytes(), "application/json")
    assert not parsed.problems
    (draft,) = parsed.drafts
    assert draft.order.agent
    assert draft.order.external_id


def test_the_batch_is_one_order_of_a_thousand_activations_that_the_catalogue_takes():
    parsed = parse(BATCH.read_bytes(), "text/csv")
    assert not parsed.problems
    (draft,) = parsed.drafts
    lines = draft.order.lines
    assert len(lines) == 1000
    assert {(line.service.product, line.action.value) for line in lines} == {
        ("sim-activation", "add")
    }
    for line in lines:
        given = line.service.characteristics
        assert not catalogue().problems_with(line.service.product, line.action, given)


def test_the_script_makes_the_batch_again_byte_for_byte():
    made = subprocess.run(
        [sys.executable, EXAMPLES / "make_batch.py", "1000"], capture_output=True, check=True
    )
    assert made.stdout == BATCH.read_bytes()


def test_no_two_sample_orders_work_on_the_same_number_or_card():
    taken: Counter[str] = Counter()
    for path in GOOD:
        for line in order(path).lines:
            given = line.service.characteristics
            taken.update(str(given[name]) for name in ("msisdn", "iccid") if name in given)
    with BATCH.open() as rows:
        for row in csv.DictReader(rows):
            taken.update((row["msisdn"], row["iccid"]))
    assert [number for number, count in taken.items() if count > 1] == []


def test_the_sample_orders_cover_every_product_with_an_external_id_of_their_own():
    orders = [order(path) for path in GOOD]
    found = [catalogue().product(line.service.product) for each in orders for line in each.lines]
    assert {product.key for product in found if product} == set(catalogue().products)
    assert len({(each.agent, each.external_id) for each in orders}) == len(orders)


def test_the_activation_carries_secrets_and_the_shipped_mask_hides_them():
    text = (EXAMPLES / "sim-activation.json").read_text(encoding="utf-8")
    secrets = [
        str(value)
        for line in order(EXAMPLES / "sim-activation.json").lines
        for name, value in line.service.characteristics.items()
        if name in SECRET_NAMES
    ]
    assert len(secrets) == 10
    masked = json.dumps(catalogue().mask(json.loads(text)))
    assert not [secret for secret in secrets if secret in masked]


def test_the_malformed_order_is_json_that_is_refused_for_each_of_its_faults():
    json.loads(MALFORMED.read_bytes())
    fields = {
        problem.field for problem in parse(MALFORMED.read_bytes(), "application/json").problems
    }
    assert fields == {
        "state",
        "requestedCompletionDate",
        "serviceOrderItem[0].service",
        "serviceOrderItem[1].action",
        "serviceOrderItem[1].service.serviceCharacteristic[0].value",
    }


def test_the_readme_of_the_samples_tells_of_each_file():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = [path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.is_file()]
    names = {path.as_posix() for path in files if path.suffix != ".pyc"} - {"README.md"}
    linked = set(re.findall(r"\]\(([^)]+)\)", readme))
    assert {link for link in linked if not link.startswith("../")} == names


def test_the_product_in_the_documentation_can_be_loaded_and_ordered(tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml_block("catalog.md"), encoding="utf-8")
    loaded = load_catalog(path)
    given = {"msisdn": 8613800138000, "package": "asia-7d"}
    assert not loaded.problems_with("漫游包", ItemAction.ADD, given)
    policy = loaded.policy("roaming-package", ItemAction.ADD)
    assert policy
    assert str(policy.due_after["welcome-call"]) == "1 day, 0:45:00"


def test_the_product_in_the_documentation_fits_into_the_shipped_catalogue(tmp_path):
    shipped = yaml.safe_load((PROJECT_DIR / "config/catalog.yaml").read_bytes())
    added = yaml.safe_load(yaml_block("catalog.md"))
    for part in ("characteristics", "products"):
        shipped[part] |= added[part]
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(shipped, allow_unicode=True), encoding="utf-8")
    assert load_catalog(path).product("漫游包")


def test_the_tags_in_the_documentation_classify_as_it_says(tmp_path):
    path = tmp_path / "tags.yaml"
    path.write_text(yaml_block("tags.md"), encoding="utf-8")
    loaded = load_tags(path)
    facts = {"agent": ["huaxin-telecom"], "lines": ["150"], "state": ["failed"]}
    found = classify(facts, loaded.rules, loaded.default)
    assert found.tags == ("key-account", "failed")


def test_the_documentation_tells_every_fact_and_its_values():
    table = (DOCS / "tags.md").read_text().partition("| fact | values |")[2].partition("\n\n")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, flags=re.M))
    assert list(told) == list(FACTS)
    for fact, values in FACTS.items():
        if fact != "priority":
            assert all(f"`{value}`" in told[fact] for value in values)


def dialect_page_blocks(language: str) -> str:
    text = (DOCS / "dialects.md").read_text(encoding="utf-8")
    return dedent(re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, flags=re.S | re.M)[0][1])


def test_the_dialect_in_the_documentation_reads_the_message_beside_it(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(dialect_page_blocks("yaml"), encoding="utf-8")
    parsed = read_in(load_dialect(path), dialect_page_blocks("json").encode(), "")
    assert not parsed.problems
    (draft,) = parsed.drafts
    (line,) = draft.order.lines
    policy = catalogue().policy(line.service.product, line.action)
    assert policy
    made = policy.for_line(line.service.commands).work_orders
    assert {name: kind.after for name, kind in made.items()} == {
        "HLR_ADD": (),
        "APN_ADD": ("HLR_ADD",),
    }
    assert "0123456789ABCDEF" not in json.dumps(catalogue().mask(draft.document))


def test_the_dialect_page_names_every_key():
    page = (DOCS / "dialects.md").read_text(encoding="utf-8")
    shapes = [DialectShape, WhenShape, DatesShape, CsvShape, OrderShape, LinesShape]
    shapes += [WorkOrdersShape, Rule, Taken, Each]
    keys = {name for shape in shapes for name in shape.model_fields} - {"csv", "dates", "when"}
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", page))))
    assert keys - named == set()


def test_the_work_orders_from_the_message_in_the_documentation_can_be_loaded(tmp_path):
    text = (DOCS / "catalog.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```text\n(work_orders:.*?)```", text, flags=re.S)
    block = next(each for each in blocks if "from-message:" in each)
    head = "products:\n  net:\n    name: Net\n    category: network\n    actions:\n      add:\n"
    path = tmp_path / "catalog.yaml"
    path.write_text(head + indent(block, " " * 8), encoding="utf-8")
    policy = load_catalog(path).policy("net", ItemAction.ADD)
    assert policy
    made = policy.for_line([Command("A"), Command("test_call", after=("A",))]).work_orders
    assert list(made) == ["number-booking", "A", "test_call", "welcome-call"]
    assert made["test_call"].team == "field-crew"
