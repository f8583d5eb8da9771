"""The crew of the demo reports all that is ready, and fails what the story has fail."""

from typing import Any

import pytest

from ordercast.demo.crew import Crew
from ordercast.demo.failing import DemoFailed
from ordercast.demo.story import SITE_DOWN

ORDER = "ord-20261122-aaaaaa"


class Desk:
    """Hands out the work orders of each order, and notes what is reported."""

    def __init__(self, ready, verdict="accepted"):
        self.ready, self.verdict, self.reports = ready, verdict, []

    def get(self, _path, *, order_no, limit, **_):
        return [each for each in self.ready if each["order_no"] == order_no][:limit]

    def post(self, _path, reports, **_):
        self.reports += reports
        answers = [
            {"report_id": each["report_id"], "verdict": self.verdict, "message": "so"}
            for each in reports
        ]
        return {"reports": answers}


def sent_to(desk: Any) -> Crew:
    return Crew(desk)


def work_order(line_no, name, order_no=ORDER):
    return {
        "id": f"wo-{order_no}-{line_no}-{name}",
        "order_no": order_no,
        "line_no": line_no,
        "name": name,
        "team": None,
        "system": "hlr",
    }


def test_the_crew_reports_in_one_bulk_what_is_ready_of_each_order():
    desk = Desk([work_order(1, "hlr-profile"), work_order(2, "hlr-profile", "ord-20261122-b")])
    crew = sent_to(desk)
    assert crew.turn([ORDER, "ord-20261122-b"]) == crew.reported == 2
    assert {each["result"] for each in desk.reports} == {"completed"}
    assert {each["reporter"] for each in desk.reports} == {"hlr"}


def test_only_the_work_order_of_the_setback_fails_with_its_code_and_text():
    kinds = [(1, SITE_DOWN.work_order), (2, "hlr-profile"), (2, SITE_DOWN.work_order)]
    desk = Desk([work_order(*kind) for kind in kinds])
    crew = sent_to(desk)
    crew.expect_setbacks(ORDER, [SITE_DOWN])
    crew.turn([ORDER])
    assert [each["result"] for each in desk.reports] == ["completed", "completed", "failed"]
    assert desk.reports[-1]["code"] == "SITE-MAINTENANCE"
    assert "基站检修" in desk.reports[-1]["text"]


def test_the_crew_leaves_alone_the_orders_that_it_is_not_sent_to():
    desk = Desk([work_order(1, "hlr-profile")])
    assert sent_to(desk).turn([]) == 0
    assert not desk.reports


def test_a_report_that_is_not_accepted_fails_the_demo():
    desk = Desk([work_order(1, "hlr-profile")], verdict="late")
    with pytest.raises(DemoFailed, match="late, so"):
        sent_to(desk).turn([ORDER])
