"""The simulated field crew: takes every work order that is ready, and reports it in bulk."""

from collections.abc import Iterable, Mapping
from typing import Any

from ordercast.demo.doors import Door
from ordercast.demo.failing import DemoFailed
from ordercast.demo.story import Setback

BULK = 250


class Crew:
    """Teams and systems in one: what they do succeeds, but for the setbacks of the story."""

    def __init__(self, gateway: Door) -> None:
        self._gateway = gateway
        self._setbacks: dict[tuple[str, int, str], Setback] = {}
        self._untouched: set[str] = set()
        self.reported = 0

    def expect_setbacks(self, order_no: str, setbacks: Iterable[Setback]) -> None:
        """Some work of an order will fail."""
        self._setbacks |= {(order_no, each.line_no, each.work_order): each for each in setbacks}

    def leave_alone(self, order_no: str) -> None:
        """Nobody gets to an order before it is cancelled."""
        self._untouched.add(order_no)

    def turn(self) -> int:
        """Report what is ready, a bulk at most; how many that were. DemoFailed if refused."""
        ready = self._gateway.get("/work-orders", state="acknowledged", limit=BULK)
        reports = [self._report(each) for each in ready if each["order_no"] not in self._untouched]
        if reports:
            answer = self._gateway.post("/work-orders/reports", reports, expect=200)
            _check_verdicts(answer)
        self.reported += len(reports)
        return len(reports)

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
