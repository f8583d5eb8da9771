"""Work orders at the desk: queues, claiming, reporting, and files."""

import csv
import io
import re

import pytest
from fastapi.testclient import TestClient

from ordercast.domain.people import Role
from ordercast.services.gateway.desk.work_order_files import harmless
from ordercast.store import users
from tests.gateway import gateway
from tests.orders import named, plan_change, states, waiting, work_orders

PASSWORD = "battery horse staple"
FIRST = "contract-check"
PLACE = "/desk/work-orders"


@pytest.fixture(scope="module")
def app():
    return gateway()


@pytest.fixture
def order_no(database):
    return waiting(plan_change())[0]


class Person:
    """Somebody at the desk, in a browser of their own."""

    def __init__(self, app, database, name, role=Role.OPERATOR):
        users.add(database, name, role=role, password=PASSWORD)
        self.http = TestClient(app)
        self.http.post("/desk/sign-in", data={"name": name, "password": PASSWORD})
        self.csrf = re.search(r'name="csrf" value="([^"]+)"', self.http.get("/desk/me").text)[1]

    def post(self, path, files=None, **form):
        return self.http.post(f"/desk{path}", data={"csrf": self.csrf, **form}, files=files)

    def upload(self, text, encoding="utf-8"):
        file = ("done.csv", text.encode(encoding), "text/csv")
        return self.post("/work-order-files", files={"file": file})


@pytest.fixture
def ann(app, database):
    return Person(app, database, "ann")


@pytest.fixture
def bob(app, database):
    return Person(app, database, "bob")


def test_a_queue_shows_its_open_work_and_how_much_there_is(ann, order_no):
    first = named(order_no, FIRST)
    shown = ann.http.get(PLACE, params={"team": first.team or "", "system": first.system or ""})
    assert shown.status_code == 200 and first.id in shown.text
    assert first.id not in ann.http.get(PLACE, params={"shelf": "blocked"}).text
    assert "Nothing is open" in ann.http.get(PLACE, params={"team": "nobody"}).text


def test_a_part_of_the_page_is_the_queue_alone(ann, order_no):
    part = ann.http.get(PLACE, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="queue"') and "<html" not in part


def test_who_comes_second_is_told_who_claimed_and_nothing_is_lost(ann, bob, order_no):
    first = named(order_no, FIRST).id
    assert "Claimed: 1" in ann.post("/work-orders", act="claim", id=first).text
    told = bob.post("/work-orders", act="claim", id=first).text
    assert "ann has claimed it since" in told
    held = bob.post(f"/work-orders/{first}/report", result="failed", code="E7", text="half typed")
    assert (held.status_code, "half typed" in held.text) == (409, True)
    assert named(order_no, FIRST).state == "inProgress"
    bob.post(f"/work-orders/{first}/report", result="failed", code="E7", text="x", anyway="ann")
    assert (named(order_no, FIRST).state, named(order_no, FIRST).code) == ("failed", "E7")


def test_a_second_report_is_kept_and_told(ann, bob, order_no):
    first = named(order_no, FIRST).id
    assert "is taken" in ann.post(f"/work-orders/{first}/report", result="completed").text
    told = bob.post(f"/work-orders/{first}/report", result="failed").text
    assert "otherwise" in told and "ann" in told and "bob" in told
    assert states(order_no)[FIRST] == "completed"


def test_what_is_claimed_is_given_back(ann, order_no):
    first = named(order_no, FIRST).id
    ann.post("/work-orders", act="claim", id=first)
    assert "Given back: 1" in ann.post("/work-orders", act="release", id=first).text
    assert (named(order_no, FIRST).state, named(order_no, FIRST).claimed_by) == (
        "acknowledged",
        None,
    )


def test_several_are_reported_at_once_but_not_what_another_claimed(ann, bob, database):
    order_no = waiting(plan_change(lines=2))[0]
    ids = [named(order_no, FIRST, line).id for line in (1, 2)]
    ann.post("/work-orders", act="claim", id=ids[0])
    told = bob.post("/work-orders", act="completed", id=ids).text
    assert "somebody else has claimed them: 1" in told
    assert [named(order_no, FIRST, line).state for line in (1, 2)] == ["inProgress", "completed"]


def test_a_viewer_sees_and_changes_nothing(app, database, order_no):
    eve = Person(app, database, "eve", Role.VIEWER)
    first = named(order_no, FIRST).id
    assert "data-needs" not in eve.http.get(PLACE).text
    assert eve.post(f"/work-orders/{first}/report", result="completed").status_code == 403
    assert eve.post("/work-orders", act="claim", id=first).status_code == 403
    assert named(order_no, FIRST).state == "acknowledged"


def downloaded(person):
    body = person.http.get("/desk/work-order-files/open.csv").content
    assert body.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def filled(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_file_goes_down_is_filled_in_and_comes_up_in_any_order(ann, order_no, encoding):
    rows = [row for row in downloaded(ann) if row["name"] == FIRST][::-1]
    rows[0] |= {"result": "失败", "code": "E1", "text": "客户拒绝"}
    assert "is taken. ×1" in ann.upload(filled(rows), encoding).text
    found = named(order_no, FIRST)
    assert (found.state, found.code, found.text) == ("failed", "E1", "客户拒绝")


def test_rows_without_a_result_are_left_alone(ann, order_no):
    assert len(downloaded(ann)) == len(work_orders(order_no))
    assert "No row was taken" in ann.upload(filled(downloaded(ann))).text
    assert states(order_no)[FIRST] == "acknowledged"


def test_bad_rows_come_back_as_a_file_with_the_reason_and_the_good_ones_are_taken(ann, order_no):
    first = named(order_no, FIRST).id
    page = ann.upload(
        f"work_order_id,result,code\n{first},completed,\n{first},maybe,\nwo-0-1-1,failed,E1\n"
    ).text
    assert states(order_no)[FIRST] == "completed"
    rows = re.search(r'<textarea name="rows" hidden>(.*?)</textarea>', page, re.DOTALL)[1]
    back = ann.post("/work-order-files/bad.csv", rows=rows).content.decode("utf-8-sig")
    bad = list(csv.DictReader(io.StringIO(back)))
    assert [(row["work_order_id"], row["result"]) for row in bad] == [
        (first, "maybe"),
        ("wo-0-1-1", "failed"),
    ]
    assert all(row["reason"] for row in bad)


def test_the_same_file_sent_twice_has_its_effect_once(ann, order_no):
    text = f"work_order_id;result\n{named(order_no, FIRST).id};completed\n"
    assert ann.upload(text).text.count("is taken") == 1
    assert "is taken" in ann.upload(text).text


def test_a_file_that_is_none_says_so(ann):
    assert ann.upload("nothing,in,it\n").status_code == 400


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1", "@x"])
def test_no_cell_of_a_file_is_taken_for_a_formula(cell):
    assert harmless(cell) == f"'{cell}"
    assert (harmless("plain"), harmless(None)) == ("plain", "")
