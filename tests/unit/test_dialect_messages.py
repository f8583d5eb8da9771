"""Messages in a dialect: safe in any encoding, and told what is wrong in the partner's terms."""

import time
from datetime import datetime

import pytest

from ordercast.contracts.nesting import MOST_LEVELS
from ordercast.intake.dialects.documents import MOST_BYTES
from tests.dialects import characteristics, dialect, only_problem, parsed

XML = """\
format: xml
order:
  external_id: '@no'
  lines:
    each: line
    id: '@id'
    product: {path: what, values: {卡: iot-card}}
    action: {constant: add}
    characteristics: {iccid: card}
"""
JSON = """\
format: json
order:
  each: orders
  external_id: no
  requested_start: {path: start, date: '%Y%m%d'}
  lines:
    each: lines
    id: id
    product: {path: what, values: {sim: iot-card}}
    action: {path: do, values: {new: add, '*': '*'}}
    characteristics: {iccid: card, n: {path: n, type: number}, on: {path: on, type: boolean}}
"""
CSV = """\
format: csv
order:
  lines:
    product: {path: 产品, values: {卡: iot-card}}
    action: {path: 动作, values: {新装: add}}
    characteristics: {iccid: 卡号}
"""
ONE = "<order no='1'><line id='1'><what>卡</what><card>898600</card></line></order>"


def told(found):
    return [(each.line, each.field) for each in found.problems]


BOMB = (
    "<!DOCTYPE b ["
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]><order><line><what>&a9;</what></line></order>"
)
OUTSIDE = '<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><order><line>&x;</line></order>'
PARAMETER = '<!DOCTYPE o [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><order/>'


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, PARAMETER, "<!DOCTYPE o SYSTEM 'x.dtd'><order/>"])
@pytest.mark.parametrize("before", ["", "<?xml version='1.0'?>\n", "<!-- a --> <?b c?>\n"])
def test_xml_with_a_document_type_is_refused_at_once(tmp_path, text, before):
    began = time.thread_time()
    problem = only_problem(parsed(dialect(tmp_path, XML), before + text))
    assert "document type" in problem.problem
    assert "root:" not in str(problem)
    assert time.thread_time() - began < 1


def test_a_document_type_in_a_text_is_a_text(tmp_path):
    text = ONE.replace("898600", "<![CDATA[<!DOCTYPE]]>")
    assert characteristics(parsed(dialect(tmp_path, XML), text)) == [{"iccid": "<!DOCTYPE"}]


def test_an_entity_that_nobody_defines_is_refused(tmp_path):
    problem = only_problem(parsed(dialect(tmp_path, XML), ONE.replace("898600", "&secret;")))
    assert "secret" not in problem.problem


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<",
        "no xml",
        "<order>",
        "<order/><order/>",
        "<order>\0</order>",
        "<order>\x08</order>",
        "<a>" * 100_000,
        "<a>" * (MOST_LEVELS + 1) + "</a>" * (MOST_LEVELS + 1),
        "<?xml version='1.0' encoding='utf-7'?><order>+ADw-</order",
    ],
)
def test_what_is_no_xml_or_too_deep_is_refused_in_words(tmp_path, text):
    assert only_problem(parsed(dialect(tmp_path, XML), text)).field == "body"


def test_xml_may_be_as_deep_as_other_messages(tmp_path):
    deep = "<a>" * (MOST_LEVELS - 1) + "</a>" * (MOST_LEVELS - 1)
    assert characteristics(
        parsed(dialect(tmp_path, XML), ONE.replace("</order>", deep + "</order>"))
    )


def test_a_message_that_is_too_large_is_refused_unread(tmp_path):
    assert "over" in only_problem(parsed(dialect(tmp_path, XML), b" " * (MOST_BYTES + 1))).problem


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("GBK", "gbk"),
        ("gb2312", "gbk"),
        ("GB18030", "gb18030"),
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("Big5", "big5"),
        (None, "utf-8"),
    ],
)
def test_xml_is_read_in_the_encoding_that_it_declares(tmp_path, declared, written):
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    text = ONE.replace("898600", "國內" if written == "big5" else "国内镕")
    found = characteristics(parsed(dialect(tmp_path, XML), (head + text).encode(written)))
    assert found[0]["iccid"] in ("國內", "国内镕")


def test_xml_that_declares_nothing_is_read_as_the_dialect_says(tmp_path):
    given = dialect(tmp_path, XML.replace("format: xml", "format: xml\nencoding: gbk"))
    assert characteristics(parsed(given, ONE.encode("gbk"))) == [{"iccid": "898600"}]
    wrongly = f'<?xml version="1.0" encoding="UTF-8"?>{ONE}'.encode("gbk")
    assert characteristics(parsed(given, wrongly)) == [{"iccid": "898600"}]


def test_a_charset_of_the_media_type_counts_where_nothing_else_is_said(tmp_path):
    given = dialect(tmp_path, XML)
    assert characteristics(parsed(given, ONE.encode("gbk"), "text/xml; charset=GBK"))
    problem = only_problem(parsed(given, ONE.encode("gbk"), "text/xml"))
    assert problem.problem.startswith("is not utf-8 at byte")


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_json_and_csv_are_read_in_the_encoding_of_the_dialect(tmp_path, kind):
    text = JSON if kind == "json" else CSV
    body = (
        '{"orders": [{"lines": [{"what": "sim", "do": "new", "card": "卡号"}]}]}'
        if kind == "json"
        else "产品,动作,卡号\n卡,新装,卡号\n"
    )
    given = dialect(tmp_path, text.replace(f"format: {kind}", f"format: {kind}\nencoding: gbk"))
    assert characteristics(parsed(given, body.encode("gbk"))) == [{"iccid": "卡号"}]
    assert only_problem(parsed(given, b"\x81\x20\xff")).field == "body"


def test_what_is_wrong_in_xml_is_told_by_element_and_line(tmp_path):
    text = """<order no="1">
 <line id="1"><what>卡</what><card>1</card></line>
 <line id="2">
  <what>票</what></line>
 <line id="2"><what>卡</what></line>
 <line id="3"><what> </what></line>
</order>"""
    found = parsed(dialect(tmp_path, XML), text)
    assert told(found) == [
        (3, "/order/line[2]/what"),
        (5, "/order/line[3]/@id"),
        (6, "/order/line[4]/what"),
    ]
    assert "use one of: 卡" in found.problems[0].cure
    assert "票" not in str(found.problems[0])
    assert [line.id for line in found.drafts[0].order.lines] == ["1"]


def test_what_is_wrong_in_json_is_told_by_its_path(tmp_path):
    body = """{"orders": [
      {"no": 1, "start": "20261122", "lines": [
        {"what": "sim", "do": "new", "n": "12", "on": "yes"},
        {"what": "sim", "do": "eat", "n": "x"},
        {"what": {"a": 1}, "do": "new", "on": "perhaps"},
        {"do": "new", "id": "1", "what": "sim"}]},
      {"no": ["a", "b"], "start": "tomorrow", "lines": [{"what": "sim", "do": "new"}]},
      {"no": 3, "lines": []}]}"""
    found = parsed(dialect(tmp_path, JSON), body)
    assert [each.field for each in found.problems] == [
        "orders[0].lines[1].do",
        "orders[0].lines[1].n",
        "orders[0].lines[2].what",
        "orders[0].lines[2].on",
        "orders[0].lines[3].id",
        "orders[1].no",
        "orders[1].start",
        "orders[2].lines",
    ]
    (good,) = found.drafts
    assert [line.id for line in good.order.lines] == ["1"]
    assert good.order.lines[0].service.characteristics == {"n": 12, "on": True}


def test_what_is_wrong_in_csv_is_told_by_column_and_line(tmp_path):
    text = '产品,动作,卡号\n卡,新装,1\n票,新装,2\n\n卡,拆,3\n"卡"x,新装,4\n卡,,5\n'
    found = parsed(dialect(tmp_path, CSV), text)
    assert sorted(told(found)) == [(3, "产品"), (5, "动作"), (6, "row"), (7, "动作")]
    assert len(found.drafts[0].order.lines) == 1


def test_a_csv_that_lacks_a_column_is_told_so_once(tmp_path):
    assert told(parsed(dialect(tmp_path, CSV), "产品,卡号\n卡,1\n卡,2\n")) == [(1, "动作")]


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", "7", '{"orders": 7}', '{"orders": [[]]}'])
def test_json_without_orders_is_refused(tmp_path, body):
    found = parsed(dialect(tmp_path, JSON), body)
    assert found.problems
    assert not found.drafts


def test_a_path_that_cannot_be_followed_is_told_and_crashes_nothing(tmp_path):
    given = dialect(tmp_path, JSON.replace("external_id: no", "external_id: join('-', no)"))
    body = '{"orders": [{"no": 7, "lines": [{"what": "sim", "do": "new"}]}]}'
    problem = only_problem(parsed(given, body))
    assert problem.field == "orders[0].join('-', no)"
    assert "cannot be followed" in problem.problem


def test_an_embedded_text_that_is_no_json_is_told_by_its_path(tmp_path):
    given = dialect(
        tmp_path, JSON.replace("format: json", "format: json\nembedded: ['orders[].x']")
    )
    assert only_problem(parsed(given, '{"orders": [{"x": "{"}]}')).field == "orders[].x"


def test_what_is_too_long_for_an_order_is_told_where_it_stands(tmp_path):
    body = '{"orders": [{"no": "%s", "lines": [{"what": "sim", "do": "new"}]}]}' % ("9" * 256)
    problem = only_problem(parsed(dialect(tmp_path, JSON), body))
    assert (problem.field, problem.problem) == ("orders[0].no", "is longer than 255 characters")


DATES = [
    ("'%Y%m%d'", "+08:00", "20261122", "2026-11-22T00:00:00+08:00"),
    ("'%d.%m.%Y %H:%M'", "UTC", "22.11.2026 09:30", "2026-11-22T09:30:00+00:00"),
    ("'%Y-%m-%dT%H:%M:%S%z'", "+08:00", "2026-11-22T09:30:00-0100", "2026-11-22T09:30:00-01:00"),
    ("seconds", "+08:00", "1795339800", "2026-11-22T09:30:00+00:00"),
    ("milliseconds", "+08:00", "1795339800500", "2026-11-22T09:30:00.500000+00:00"),
    ("['%Y', '%Y/%m/%d']", "-03:30", "2026/11/22", "2026-11-22T00:00:00-03:30"),
]


@pytest.mark.parametrize(("form", "zone", "written", "meant"), DATES)
def test_dates_are_read_in_the_partners_form_and_zone(tmp_path, form, zone, written, meant):
    text = JSON.replace("date: '%Y%m%d'", f"date: {form}, zone: '{zone}'")
    body = f'{{"orders": [{{"start": "{written}", "lines": [{{"what": "sim", "do": "new"}}]}}]}}'
    (draft,) = parsed(dialect(tmp_path, text), body).drafts
    assert draft.document["requestedStartDate"] == meant
    assert draft.order.requested_start_date == datetime.fromisoformat(meant)


@pytest.mark.parametrize("written", ["1e400", "nan", "-1e30", "-99999999999999", "9" * 300])
def test_a_date_out_of_this_world_is_refused(tmp_path, written):
    text = JSON.replace("date: '%Y%m%d'", "date: [seconds, '%Y']")
    body = f'{{"orders": [{{"start": "{written}", "lines": [{{"what": "sim", "do": "new"}}]}}]}}'
    assert only_problem(parsed(dialect(tmp_path, text), body)).field == "orders[0].start"
