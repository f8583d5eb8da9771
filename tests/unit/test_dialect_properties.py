"""Whatever comes in a dialect: nothing crashes, no line is lost, no secret comes through."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from config.catalog import catalogue
from config.dialects import PACKAGED, load_dialect
from ordercast.intake.dialects.safe_xml import parse_xml
from tests.dialects import dialect, parsed
from tests.unit.test_partners import CASES

MAPPINGS = [
    *(load_dialect(each[1]) for each in CASES.values()),
    *(load_dialect(path) for path in PACKAGED.glob("*.yaml")),
]
MESSAGES = {each[1]: each[0].read_bytes() for each in CASES.values()}
RULES = """\
sensitive: [{secret}]
order:
  lines:
    each: {each}
    id: {id}
    product: {{path: {product}, values: {{sim: iot-card}}}}
    action: {{path: {action}, values: {{new: add, end: delete}}}}
    characteristics:
      iccid: {card}
      n: {{path: {number}, type: number}}
      pin1: {secret}
      both: {{join: [{card}, {secret}], between: '/'}}
    characteristics_from: {{fields: {rest}}}
"""
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
WORDS = st.sampled_from(["sim", "new", "end", "", "7", "x"]) | TEXTS
SECRETS = st.text("ABCDEF0123456789", min_size=12, max_size=12).map("S{}".format)
NAMES = ("what", "do", "card", "num", "pin")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("dialects")
    return {
        "json": dialect(folder, "format: json\n" + RULES.format(
            secret="\"lines[].pin\"", each="lines", id="id", product="what", action="do",
            card="card", number="num", rest="rest").replace("pin1: \"lines[].pin\"", "pin1: pin")
            .replace("[card, \"lines[].pin\"]", "[card, pin]"), "j"),
        "xml": dialect(folder, "format: xml\n" + RULES.format(
            secret="//pin", each="line", id="'@id'", product="what", action="do",
            card="card", number="num", rest="rest").replace("pin1: //pin", "pin1: pin")
            .replace("[card, //pin]", "[card, pin]"), "x"),
        "csv": dialect(folder, "format: csv\n" + RULES.format(
            secret="pin", each="", id="id", product="what", action="do",
            card="card", number="num", rest="'*'").replace("    each: \n", ""), "c"),
    }  # fmt: skip


LINES = st.lists(
    st.fixed_dictionaries({name: WORDS for name in NAMES if name != "pin"} | {"pin": SECRETS}),
    min_size=1,
    max_size=8,
)


def places_of(found):
    """The lines of the message that are told as faulty, each once."""
    return {
        (each.line, each.field.rpartition("/")[0] or each.field.rpartition(".")[0])
        for each in found.problems
    }


def taken(found):
    return sum(len(draft.order.lines) for draft in found.drafts)


def check(found, lines):
    good = [each for each in lines if _is_good(each)]
    assert taken(found) == len(good)
    assert taken(found) + len(places_of(found)) == len(lines)
    masked = json.dumps([catalogue().mask(each.document) for each in found.drafts])
    told = masked + " ".join(map(str, found.problems))
    assert [each["pin"] for each in lines if each["pin"] in told] == []


def _is_good(line):
    if line["what"].strip() != "sim" or line["do"].strip() not in ("new", "end"):
        return False
    text = line["num"].strip()
    try:
        return not text or abs(float(text)) < float("inf")
    except ValueError:
        return False


@settings(max_examples=60, deadline=None)
@given(lines=LINES)
def test_every_object_is_a_line_or_a_fault(written, lines):
    document = {"lines": [{**line, "rest": {"k": line["card"]}} for line in lines]}
    check(parsed(written["json"], json.dumps(document)), lines)


@settings(max_examples=60, deadline=None)
@given(lines=LINES)
def test_every_element_is_a_line_or_a_fault(written, lines):
    root = etree.Element("order")
    for line in lines:
        element = etree.SubElement(root, "line")
        for name, text in line.items():
            clean = "".join(each for each in text if each.isprintable() or each == " ")
            line[name] = clean
            etree.SubElement(element, name).text = clean
    check(parsed(written["xml"], etree.tostring(root, encoding="gb18030")), lines)


@settings(max_examples=60, deadline=None)
@given(lines=LINES)
def test_every_row_is_a_line_or_a_fault(written, lines):
    file = io.StringIO(newline="")
    rows = [{"id": place, **line} for place, line in enumerate(lines)]
    rows = [{name: str(cell).replace("\r", " ") for name, cell in row.items()} for row in rows]
    table = csv.DictWriter(file, ["id", *NAMES])
    table.writeheader()
    table.writerows(rows)
    check(parsed(written["csv"], file.getvalue()), rows)


@pytest.mark.parametrize("given_dialect", MAPPINGS, ids=lambda each: f"{each.path.parent.name}")
@settings(max_examples=40, deadline=None)
@given(raw=st.binary(max_size=200))
def test_no_bytes_crash_a_dialect(given_dialect, raw):
    found = parsed(given_dialect, raw)
    assert found.problems or found.drafts


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["fleets", "racks", "devices", "sim", "ext", "hdr", "pin", "attrs", "kind"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(document=JSON_VALUES)
def test_no_json_crashes_a_dialect(document):
    for each in MAPPINGS:
        if each.format == "json":
            found = parsed(each, json.dumps(document))
            assert found.problems or found.drafts


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_message_with_a_hole_in_it_crashes_no_dialect(data):
    for each in MAPPINGS[: len(CASES)]:
        whole = MESSAGES[each.path]
        start = data.draw(st.integers(0, len(whole)))
        end = data.draw(st.integers(start, min(len(whole), start + 40)))
        filling = data.draw(st.sampled_from([b"", b"<", b'"', b"\xff", b"&x;", b"]]>", b"{}"]))
        found = parsed(each, whole[:start] + filling + whole[end:])
        assert found.problems or found.drafts


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("<>!DOCTYPE[]\"'-?= &;abc\n"), max_size=60))
def test_whatever_looks_like_xml_is_read_or_refused(text):
    try:
        root = parse_xml(text)
    except Exception as fault:
        assert type(fault).__name__ == "InvalidMessage"
    else:
        assert not root.getroottree().docinfo.doctype
