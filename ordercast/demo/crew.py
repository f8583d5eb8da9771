"""The simulated field crew: takes every work order that is ready, and reports it in bulk."""

from collections.abc import Iterable, Mapping
from typing import Any

from ordercast.demo.doors import Door
from ordercast.demo.failing import DemoFailed
from ordercast.demo.story import Setback
from ordercast.domain.work_order import WorkOrderState

SHARE = 250
"""The most work orders of one order that a turn reports."""


class Crew:
    """Teams and systems in one: what they do succeeds, but for the setbacks of the story."""

    def __init__(self, gateway: Door) -> None:
        self._gateway = gateway
        self._setbacks: dict[tuple[str, int, str], Setback] = {}
        self.reported = 0

    def expect_setbacks(self, order_no: str, setbacks: Iterable[Setback]) -> None:
        """Some work of an order will fail."""
        self._setbacks |= {(order_no, each.line_no, each.work_order): each for each in setbacks}

    def turn(self, order_nos: Iterable[str]) -> int:
        """Report what is ready of these orders; how many that were. DemoFailed if refused.

        Every order has its share of a turn, so that small ones need not wait for the large.
        """
        reports = [self._report(each) for no in order_nos for each in self._ready(no)]
        if reports:
            answer = self._gateway.post("/work-orders/reports", reports, expect=200)
            _check_verdicts(answer)
        self.reported += len(reports)
        return len(reports)

    def _ready(self, order_no: str) -> list[dict[str, Any]]:
        ready = WorkOrderState.ACKNOWLEDGED
        return self._gateway.get("/work-orders", order_no=order_no, state=ready, limit=SHARE)

    def _report(self, work_order: Mapping[str, Any]) -> dict[str, Any]:
        place = (work_order["order_no"], work_order["line_no"], work_order["name"])
        setback = self._setbacks.get(place)
        return {
            "work_order_id": work_order["id"],
            "report_id": f"crew-{work_order['id']}",
            "result": "failed" if setback else "completed",
            "code": setback.code if setback else "OK",
            "text": setback.text if setback else "已完成 / done",
            "reporter": work_order["team"] or work_order["system"],
        }


def _check_verdicts(answer: Mapping[str, Any]) -> None:
    refused = [each for each in answer["reports"] if each["verdict"] != "accepted"]
    if refused:
        first = refused[0]
        raise DemoFailed(
            f"{len(refused)} reports of the crew were not accepted, for instance "
            f"{first['report_id']}: {first['verdict']}, {first['message']}"
        )
