"""Rules of a dialect: what each key makes of what stands in a message."""

import json

import pytest

from tests.dialects import characteristics, dialect, only_problem, parsed

ONE = """\
format: json
empty: [n/a]
order:
  lines:
    product: {{constant: iot-card}}
    action: {{constant: add}}
    characteristics:
      x: {rule}
"""
MESSAGE = {
    "a": "eins",
    "b": " zwei ",
    "none": None,
    "blank": "  ",
    "na": "n/a",
    "many": ["p", "", "q"],
    "one": ["p"],
    "flags": "ROAM=1;VM=0;;5G",
    "number": 8613800138000,
    "real": 12.5,
    "whole": 12.0,
    "truth": True,
    "words": "是",
    "deep": {"k": {"v": 1}, "e": None},
    "list": [{"n": "x", "v": "1"}, {"n": "y", "v": "2"}],
    "text": '{"inner": [7]}',
}

MADE = [
    ("a", "eins"),
    ("b", "zwei"),
    ("none", None),
    ("blank", None),
    ("na", None),
    ("[none, a]", "eins"),
    ("{path: [none, blank, na, a, b]}", "eins"),
    ("{path: none, default: stands in}", "stands in"),
    ("{path: a, default: stands in}", "eins"),
    ("{constant: fixed}", "fixed"),
    ("{join: [a, none, b], between: '-'}", "eins-zwei"),
    ("{join: [{constant: K}, a]}", "Keins"),
    ("{join: [{constant: K}, none]}", None),
    ("{join: [a, {join: [b, number], between: /}], between: ' '}", "eins zwei/8613800138000"),
    ("{path: a, values: {eins: '1', zwei: '2'}}", "1"),
    ("{path: a, values: {zwei: '2', '*': other}}", "other"),
    ("{path: a, values: {zwei: '2', '*': '*'}}", "eins"),
    ("{path: a, values: {eins: }}", None),
    ("{path: number, values: {'8613800138000': n}}", "n"),
    ("{path: truth, values: {'true': 'on', 'false': 'off'}}", "on"),
    ("many", ["p", "q"]),
    ("one", ["p"]),
    ("{path: many, values: {p: P, q: Q}}", ["P", "Q"]),
    ("{path: flags, split: ';'}", ["ROAM=1", "VM=0", "5G"]),
    ("{path: flags, match: 'VM=(.)'}", "0"),
    ("{path: flags, match: 'VM=.'}", "VM=0"),
    ("{path: flags, match: 'XX=(.)', default: none}", "none"),
    ("{path: flags, match: '^(.*);;', split: ';', values: {ROAM=1: r, '*': '*'}}", ["r", "VM=0"]),
    ("number", 8613800138000),
    ("{path: number, type: text}", "8613800138000"),
    ("{path: whole, type: text}", "12"),
    ("{path: real, type: text}", "12.5"),
    ('{path: "number", type: number}', 8613800138000),
    ("{path: \"'007'\", type: number}", 7),
    ("{path: \"'1.50'\", type: number}", 1.5),
    ("{path: words, type: boolean}", True),
    ("{path: truth, type: text}", "true"),
    ("deep", {"k": {"v": 1}, "e": None}),
    ("{path: \"'22.11.2026'\", date: '%d.%m.%Y', zone: '+08:00'}", "2026-11-22T00:00:00+08:00"),
    ("list[?n=='y'].v | [0]", "2"),
    ("parse_json(text).inner[0]", 7),
    ("parse_json(a)", None),
    ("upper(a)", "EINS"),
    ("trim(b)", "zwei"),
    ("split(flags, ';')[1]", "VM=0"),
    ("entries(deep)[?value==null].key", ["e"]),
]

REFUSED = [
    ("{path: none, required: true}", "none", "is empty"),
    ("{path: a, values: {b: c}}", "a", "is none of the known values"),
    ("{path: a, match: '[0-9]'}", "a", "does not have the right form"),
    ("{path: a, type: number}", "a", "is not a number"),
    ("{path: a, type: boolean}", "a", "is neither true nor false"),
    ("{path: a, date: '%Y'}", "a", "is not a date of the agreed form"),
    ("{join: [a, many]}", "many", "is not a single value"),
    ("{path: length(number)}", "length(number)", "cannot be followed here"),
    ("{path: \"'1e999'\", type: number}", "'1e999'", "is not a number"),
]


@pytest.mark.parametrize(("rule", "made"), MADE, ids=[rule for rule, _ in MADE])
def test_a_rule_makes_a_value(tmp_path, rule, made):
    given = dialect(tmp_path, ONE.format(rule=rule))
    (found,) = characteristics(parsed(given, json.dumps(MESSAGE)))
    assert found.get("x") == made
    assert type(found.get("x")) is type(made)


@pytest.mark.parametrize(("rule", "field", "problem"), REFUSED, ids=[each[0] for each in REFUSED])
def test_a_value_that_a_rule_cannot_take_is_told_by_its_path(tmp_path, rule, field, problem):
    found = only_problem(parsed(dialect(tmp_path, ONE.format(rule=rule)), json.dumps(MESSAGE)))
    assert found.field == field
    assert problem in found.problem
    assert "eins" not in found.problem + found.cure


XML = """\
format: xml
namespaces: {{n: urn:n}}
order:
  lines:
    product: {{constant: iot-card}}
    action: {{constant: add}}
    characteristics:
      x: {rule}
"""
ELEMENTS = """<m xmlns:n="urn:n" at="A"><a> eins </a><e/><t><b>1</b><b>2</b><c d="D">3</c></t>
<n:p k="K">P</n:p><i n="x">1</i><i n="y">2</i><mixed>some <b>bold</b> words</mixed></m>"""

FOUND = [
    ("a", "eins"),
    ("'@at'", "A"),
    ("e", None),
    ("nothing", None),
    ("t/b", ["1", "2"]),
    ("t/b[2]", "2"),
    ("t", {"b": ["1", "2"], "c": "3"}),
    ("n:p", "P"),
    ("n:p/@k", "K"),
    ("i[@n='y']", "2"),
    ("count(i)", 2),
    ("boolean(i)", True),
    ("concat(a, '-', @at)", "eins -A"),
    ("normalize-space(mixed)", "some bold words"),
    ("/m/t/c/@d", "D"),
    ("local-name(*[1])", "a"),
    ("{join: ['@at', a], between: '+'}", "A+eins"),
    ("string-length(@at) div 0", None),
    ("number(a)", None),
]


@pytest.mark.parametrize(("rule", "made"), FOUND, ids=[rule for rule, _ in FOUND])
def test_xpath_finds_texts_attributes_and_structures(tmp_path, rule, made):
    given = dialect(tmp_path, XML.format(rule=rule))
    (found,) = characteristics(parsed(given, ELEMENTS))
    assert found.get("x") == made


@pytest.mark.parametrize("text", ["1e999", "NaN", '"\\ud800"', '"\\u0000"', "[" * 500 + "]" * 500])
def test_what_could_not_be_read_again_is_not_taken_out_of_a_text(tmp_path, text):
    given = dialect(tmp_path, ONE.format(rule="parse_json(t)"))
    found = parsed(given, json.dumps({"t": text}))
    if found.drafts:
        assert characteristics(found) == [{}]
    else:
        assert only_problem(found).field == "body"
