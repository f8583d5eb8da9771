"""Made-up events: to try a form before anything has happened, and to show what is sent."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from ordercast.store.push_tables import PushEvent
from ordercast.store.pushes import NewEvent, event_id

ORDER_NO = "ord-20261122-83r7dw"
AT = datetime(2026, 11, 22, 15, 38, 5, 816000, tzinfo=UTC)
_OF_ALL: Mapping[str, Any] = MappingProxyType(
    {"agent": "agent-x", "external_id": "P-1001", "title": "开卡 8613812345678"}
)


def example_event(event_type: str) -> PushEvent:
    """An event of that type, always the same one, with a number and a name to be masked."""
    kind, _, result = event_type.partition(".")
    new = NewEvent(event_type, version=1, data=_data(kind, result))
    return PushEvent(
        id=event_id(ORDER_NO, new),
        order_no=ORDER_NO,
        version=new.version,
        sequence=10,
        type=event_type,
        occurred_at=AT,
        data=dict(new.data),
    )


def _data(kind: str, result: str) -> dict[str, Any]:
    if kind != "order":
        return _overdue() if result == "overdue" else _work_order(result)
    if result == "jeopardy":
        return _jeopardy()
    if result == "lines-ended":
        return {**_OF_ALL, "every_seconds": 10, "lines": [_line()]}
    return {**_OF_ALL} if result == "reopened" else _outcome(result)


def _outcome(state: str) -> dict[str, Any]:
    return {
        **_OF_ALL,
        "order_no": ORDER_NO,
        "version": 1,
        "state": state,
        "category": "mobile",
        "priority": 4,
        "products": ["sim-activation"],
        "primary_tag": "agent-channel",
        "tags": ["agent-channel", "activation"],
        "counts": {state: 1},
        "ordered_at": (AT - timedelta(minutes=2)).isoformat(),
        "sealed_at": AT.isoformat(),
    }


def _line() -> dict[str, Any]:
    return {
        "line_no": 1,
        "item_id": "row-1",
        "product": "sim-activation",
        "action": "add",
        "state": "completed",
        "ended_at": AT.isoformat(),
        "characteristics": {"msisdn": "8613812345678", "iccid": "89860012345678901234"},
    }


def _work_order(result: str) -> dict[str, Any]:
    failed = result == "failed"
    return {
        **_OF_ALL,
        "work_order_id": f"wo-{ORDER_NO.removeprefix('ord-')}-1-1",
        "name": "hss-provision",
        "line_no": 1,
        "result": result,
        "code": "HSS-5012" if failed else None,
        "text": "号码 13812345678 无法开通" if failed else "卡 89860012345678901234 已开通",
        "reporter": "张三",
    }


def _overdue() -> dict[str, Any]:
    return {
        **_OF_ALL,
        "work_order_id": f"wo-{ORDER_NO.removeprefix('ord-')}-1-1",
        "name": "hss-provision",
        "line_no": 1,
        "who": "hss",
        "due_at": AT.isoformat(),
        "text": "hss-provision (hss) was due 2026-11-22 15:38 UTC and is not reported",
    }


def _jeopardy() -> dict[str, Any]:
    return {
        **_OF_ALL,
        "promised_at": AT.isoformat(),
        "expected_at": (AT + timedelta(hours=4)).isoformat(),
        "work_order_id": f"wo-{ORDER_NO.removeprefix('ord-')}-1-1",
        "text": "promised for 2026-11-22 15:38 UTC, expected 2026-11-22 19:38 UTC",
    }
