"""Which dialect a message is in: what its sender names, the queue, the agent, the content."""

import pytest

from config.settings import settings
from ordercast.intake.dialects.choosing import choose
from ordercast.intake.reading import read
from ordercast.store.inbox import RawMessage
from tests.orders import body, item, order

MAPPING = """
order:
  external_id: {path: "no", default: none}
  lines: {product: {constant: iot-card}, action: {constant: add}}
"""
FILES = {
    "by-agent": "format: json\nwhen: {agents: [Huaxin-*]}",
    "by-agent-and-content": "format: json\nwhen: {agents: [huaxin-*], content: [special]}",
    "by-agent-xml": "format: xml\nwhen: {agents: [huaxin-*]}",
    "by-queue": "format: json\nwhen: {queues: [orders.huaxin]}",
    "by-content": "format: json\nwhen: {content: ['head.kind', 'jobs[0]']}",
    "by-content-csv": "format: csv\nwhen: {content: [NO, 产品]}",
    "by-content-xml": "format: xml\nwhen: {content: [/job]}",
    "by-name": "format: json",
}
JSON, XML, CSV = "application/json", "application/xml", "text/csv"
CONTENT = b'{"head": {"kind": "x"}, "jobs": [1]}'


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    for name, head in FILES.items():
        mapping = MAPPING if "xml" not in name else MAPPING.replace('"no"', "'@no'")
        (tmp_path / f"{name}.yaml").write_text(head + mapping, encoding="utf-8")
    monkeypatch.setenv("ORDERCAST_DIALECTS", str(tmp_path))
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def chosen(raw=b"{}", media_type=JSON, **more):
    found = choose(RawMessage(raw, media_type, "test", **more)).dialect
    return found and found.name


@pytest.mark.parametrize(
    ("raw", "media_type", "more", "name"),
    [
        (b"{}", JSON, {}, None),
        (b"{}", JSON, {"agent": "huaxin-north"}, "by-agent"),
        (b"{}", JSON, {"agent": "HUAXIN-1"}, "by-agent"),
        (b'{"special": 1}', JSON, {"agent": "huaxin-north"}, "by-agent-and-content"),
        (b"<job/>", XML, {"agent": "huaxin-north"}, "by-agent-xml"),
        (b"<job/>", "application/gongdan+xml; charset=GBK", {}, "by-content-xml"),
        (b"<other/>", "text/xml", {}, None),
        (b"no,x\n", CSV, {"agent": "huaxin-north"}, None),
        (b"{}", JSON, {"queue": "orders.huaxin"}, "by-queue"),
        (b"{}", "application/octet-stream", {"queue": "orders.huaxin"}, "by-queue"),
        (CONTENT, JSON, {"queue": "orders.huaxin", "agent": "huaxin-1"}, "by-queue"),
        (CONTENT, JSON, {"agent": "huaxin-north"}, "by-agent"),
        (CONTENT, JSON, {"agent": "other", "queue": "other"}, "by-content"),
        (CONTENT, "application/vnd.partner+json", {}, "by-content"),
        (b'{"head": {"kind": "x"}, "jobs": []}', JSON, {}, None),
        ("no,产品\n1,卡\n".encode(), CSV, {}, "by-content-csv"),
        ("no,产品\n".encode(), CSV, {}, None),
        (CONTENT, JSON, {"dialect": "by-name", "queue": "orders.huaxin"}, "by-name"),
        (CONTENT, JSON, {"dialect": "tmf641", "queue": "orders.huaxin"}, None),
        (b"\xff\xfe{", JSON, {}, None),
        (b"<job>", XML, {}, None),
    ],
)
def test_the_first_that_names_one_decides(raw, media_type, more, name):
    assert chosen(raw, media_type, **more) == name


def test_a_dialect_that_is_not_there_is_told_with_those_that_are():
    found = read(RawMessage(b"{}", JSON, "test", dialect="by-nme"))
    (problem,) = found.problems
    assert problem.field == "dialect"
    assert "by-name" in problem.cure
    assert "tmf641" in problem.cure


def test_a_dialect_that_is_asked_for_is_taken_whatever_the_media_type():
    found = read(RawMessage(b"no\n7\n", "text/plain", "test", dialect="by-content-csv"))
    assert [draft.order.external_id for draft in found.drafts] == ["7"]
    assert found.dialect == "by-content-csv"


def test_our_own_forms_are_read_where_no_dialect_fits():
    found = read(RawMessage(body(order(item())), JSON, "test", agent="someone"))
    assert found.drafts
    assert found.dialect is None
