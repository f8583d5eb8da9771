"""Dialect files: what is told about a faulty one, and which of them count."""

import shutil

import pytest

from config.dialects import PACKAGED, dialects, load_dialect, load_dialects
from config.settings import settings
from ordercast.domain.errors import ConfigurationError

GOOD = """\
format: json
when:
  agents: [one]
  content: [head]
sensitive: ['lines[].pin']
dates: {format: '%Y%m%d', zone: +08:00}
order:
  external_id: no
  lines:
    each: lines
    product: {constant: iot-card}
    action: {path: do, values: {新装: add}}
    characteristics:
      iccid: card
    work_orders:
      each: commands
      name: {path: name, match: '[A-Z]+'}
      sequence: true
"""

FAULTS = [
    ("format: json", "format: yaml", 1, "`format` is not known here", "json, xml, csv"),
    ("format: json", "encoding: gbk", 1, "`format` is missing", "give json, xml or csv"),
    ("format: json", "format: json\nencoding: klingon", 2, "no encoding that is read", "gb18030"),
    ("format: json", "format: xml", 5, "`lines[].pin` is no XPath", "XPath 1.0"),
    ("head]", "'head[']", 4, "`head[` is no JMESPath", "jmespath.org"),
    ("external_id: no", "external_id: nope(no)", 8, "calls nope(), which there is not", "jmespath"),
    ("external_id: no", "external_id: order-no", 8, "`order-no` is no JMESPath", '"order-no"'),
    ("'lines[].pin'", "'lines[].to_string(pin)'", 5, "makes new values with to_string()", "names"),
    ("'%Y%m%d'", "yyyymmdd", 6, "`format` is no form of a date", "'%Y%m%d%H%M%S'"),
    ("+08:00", "Peking", 6, "`zone` is no time zone", "+08:00 or Asia/Shanghai"),
    ("each: lines", "each: []", 10, "`path` is empty", "give the path"),
    ("    product: {constant: iot-card}\n", "", 9, "`product` is missing", "give what names"),
    ("{constant: iot-card}", "{constant: a, path: b}", 11, "has several sources", "keep one"),
    ("{constant: iot-card}", "{default: a}", 11, "has no source", "`path`, `constant` or `join`"),
    ("新装: add", "新装: ad", 12, "`ad` is no action", "did you mean `add`?"),
    ("path: do,", "path: do, default: go,", 12, "`go` is no action", "add, modify"),
    ("iccid: card", "iccid: {pth: card}", 14, "`pth` is not known here", "did you mean `path`?"),
    ("iccid: card", "iccid: {path: card, of: me}", 14, "`of`", "message, order, line or holder"),
    ("iccid: card", "iccid: {path: card, of: holder}", 14, "there is no holder here", "`within:`"),
    ("external_id: no", "external_id: {path: no, of: line}", 8, "no line here", "message or order"),
    ("iccid: card", "iccid: {path: card, type: hex}", 14, "`type`", "text, number or boolean"),
    ("'[A-Z]+'", "'[A-Z'", 17, "`match` is no regular expression", "mend it"),
    (
        "sequence: true",
        "sequence: true\n      step: n",
        18,
        "both say what comes before",
        "keep one",
    ),
    ("sequence: true", "sequence: perhaps", 18, "`sequence`", "give true"),
    ("      name: {path: name, match: '[A-Z]+'}\n", "", 15, "`name` is missing", "give what is"),
    ("sequence: true", "parameters_from: {fields: a, pairs: b}", 18, "either `pairs` or", "one of"),
    ("sequence: true", "parameters_from: {names: {A: b}}", 18, "either `pairs` or `fields`", "one"),
    (
        "format: json",
        "format: json\nnamespaces: {a: urn:b}",
        2,
        "is for xml, and this is json",
        "drop",
    ),
    ("format: json", "format: json\ncsv: {delimiter: ;;}", 2, "is not one character", "`tab`"),
]


def write(folder, text, name="partner"):
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path):
    with pytest.raises(ConfigurationError) as caught:
        load_dialect(path)
    return caught.value


def test_a_good_file_is_read_under_its_name(tmp_path):
    assert load_dialect(write(tmp_path, GOOD)).name == "partner"


@pytest.mark.parametrize(("good", "bad", "line", "problem", "cure"), FAULTS)
def test_each_fault_is_told_with_its_line_and_cure(tmp_path, good, bad, line, problem, cure):
    assert good in GOOD
    path = write(tmp_path, GOOD.replace(good, bad, 1))
    error = refused(path)
    told = [each for each in (error, *error.also) if problem in each.problem]
    assert [each.where for each in told] == [f"{path}:{line}"]
    assert cure in told[0].cure


def test_pairs_in_csv_need_a_name_and_a_value(tmp_path):
    text = """\
format: csv
order:
  lines:
    product: {constant: iot-card}
    action: {constant: add}
    characteristics_from: {pairs: extras}
"""
    assert refused(write(tmp_path, text)).where.endswith(":6")


def test_an_undefined_prefix_in_xml_is_a_fault(tmp_path):
    text = """\
format: xml
order:
  lines:
    each: o:line
    product: {constant: iot-card}
    action: {constant: add}
"""
    error = refused(write(tmp_path, text))
    assert error.where.endswith(":4")
    assert "namespaces:" in error.cure


def test_what_is_to_be_hidden_in_xml_must_be_part_of_the_message(tmp_path):
    text = """\
format: xml
sensitive: [string(//pin)]
order:
  lines: {product: a, action: b}
"""
    error = refused(write(tmp_path, text))
    assert error.where.endswith(":2")
    assert "makes a new value" in error.problem


def test_two_files_that_take_the_same_agent_blindly_are_a_fault(tmp_path):
    blind = GOOD.replace("  content: [head]\n", "")
    write(tmp_path, blind, "first")
    write(tmp_path, blind, "second")
    with pytest.raises(ConfigurationError) as caught:
        load_dialects([tmp_path])
    assert "second.yaml" in str(caught.value)
    assert "agent 'one' has the dialect first already" in str(caught.value)
    write(tmp_path, GOOD, "second")
    assert list(load_dialects([tmp_path])) == ["first", "second"]


def test_an_operators_file_takes_the_place_of_a_packaged_one(tmp_path, monkeypatch):
    write(tmp_path, GOOD.replace("agents: [one]", "agents: [other]"), "gongdan-xml")
    write(tmp_path, GOOD, "own")
    monkeypatch.setenv("ORDERCAST_DIALECTS", str(tmp_path))
    settings.cache_clear()
    try:
        assert dialects()["gongdan-xml"].format == "json"
        assert {"own", "network-commands"} <= dialects().keys()
    finally:
        monkeypatch.delenv("ORDERCAST_DIALECTS")
        settings.cache_clear()


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        load_dialects([tmp_path / "nowhere"])
    assert "ORDERCAST_DIALECTS" in caught.value.cure


def test_the_name_of_our_own_forms_is_taken(tmp_path):
    assert "own forms" in refused(write(tmp_path, GOOD, "tmf641")).problem


def test_the_packaged_files_stand_by_themselves(tmp_path):
    shutil.copytree(PACKAGED, tmp_path / "copy")
    assert load_dialects([tmp_path / "copy"]).keys() == {"gongdan-xml", "network-commands"}
