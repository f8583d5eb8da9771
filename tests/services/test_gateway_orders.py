"""Orders over HTTP, as agents and portals meet them."""

import pytest
from hypothesis import HealthCheck, given, settings

from config.settings import PROJECT_DIR
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders
from tests.gateway import gateway
from tests.keys import keyed
from tests.orders import (
    CSV,
    NDJSON,
    NUMBERS,
    body,
    complete,
    generated,
    item,
    lease,
    order,
    plan_change,
    sealed,
    submit,
    waiting,
)
from tests.tmf641 import service_orders

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
CANCELLATIONS = "/tmf-api/serviceOrdering/v4/cancelServiceOrder"
KI = "0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture
def http(database):
    with keyed(gateway(), raise_server_exceptions=False) as client:
        yield client


def post(http, document, media_type="application/json", **query):
    raw = document if isinstance(document, bytes) else body(document)
    return http.post(ORDERS, content=raw, headers={"Content-Type": media_type}, params=query)


def fields_of(answer, status=400):
    assert answer.status_code == status
    told = answer.json()
    assert told["status"] == told["code"] == str(status)
    assert told["reason"]
    assert told["message"]
    return [problem["field"] for problem in told.get("problems", [])]


def batch(rows):
    numbers = "".join(f"iot-card,add,89860{next(NUMBERS)}012\n" for _ in range(rows))
    return f"product,action,iccid\n{numbers}".encode()


def test_an_order_is_answered_with_its_id_and_where_it_can_be_read(http):
    document = order(externalId="订单-1", description="开通物联网卡", priority="1")
    answer = post(http, document)
    assert answer.status_code == 201
    told = answer.json()
    assert told["id"].startswith("ord-")
    assert told["href"] == answer.headers["location"]
    assert told["href"].endswith(f"{ORDERS}/{told['id']}")
    assert {name: told[name] for name in document if name != "serviceOrderItem"} == {
        "externalId": "订单-1",
        "description": "开通物联网卡",
        "priority": "1",
    }
    assert told["state"] == told["serviceOrderItem"][0]["state"] == "acknowledged"
    assert http.get(f"{ORDERS}/{told['id']}").json() == told


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(document=service_orders())
def test_any_valid_order_is_accepted_and_shown_with_all_its_attributes(http, document):
    document.pop("externalId", None)
    answer = post(http, document)
    assert answer.status_code == 201
    told = answer.json()
    changed = {"id", "href", "state", "orderDate", "@type", "serviceOrderItem"}
    moments = {"requestedStartDate", "requestedCompletionDate"}
    for name in document.keys() - changed - moments:
        assert told[name] == document[name]
    assert moments & document.keys() <= told.keys()
    assert http.get(f"{ORDERS}/{told['id']}").json() == told


def test_the_same_order_twice_is_answered_with_the_first(http):
    document = order(externalId="1")
    first, again = post(http, document), post(http, document)
    assert again.status_code == 201
    assert again.json()["id"] == first.json()["id"]


def test_other_content_under_the_same_id_is_409_with_the_fields_that_differ(http):
    document = order(item(iccid="8986012345678901234", ki=KI), externalId="1", description="开通")
    first = post(http, document).json()
    document["serviceOrderItem"][0]["service"]["serviceCharacteristic"][1]["value"] = KI[::-1]
    answer = post(http, {**document, "description": "停机"})
    assert answer.status_code == 409
    assert answer.json()["fields"] == [
        "serviceOrderItem[0].service.serviceCharacteristic[1].value",
        "description",
    ]
    assert first["id"] in answer.json()["message"]
    assert KI[::-1] not in answer.text


def test_secrets_are_masked_before_and_after_the_order_is_taken_apart(http):
    secret = {"ki": KI, "身份证号": "11010519491231002X", "PIN 1": 90817}
    document = order(item(iccid="8986012345678901234", **secret), Ki=KI)
    order_no = post(http, document).json()["id"]
    held = lease(order_no)
    for step in (receive, decompose):
        shown = http.get(f"{ORDERS}/{order_no}")
        assert "***" in shown.text
        assert shown.json()["Ki"] == "***"
        for value in (KI, "11010519491231002X", "90817"):
            assert value not in shown.text
        step.fn(held)
    listed = http.get(ORDERS).text
    assert KI not in listed
    assert "8986012345678901234" in listed


def test_items_are_shown_alike_before_and_after_the_order_is_taken_apart(http):
    document = order({**item("1"), "serviceOrderItem": [item("1.1"), item("1.2")]}, item("2"))
    before = post(http, document).json()
    held = lease(before["id"])
    receive.fn(held)
    decompose.fn(held)
    after = http.get(f"{ORDERS}/{before['id']}").json()
    assert after["serviceOrderItem"] == before["serviceOrderItem"]
    assert [each["id"] for each in after["serviceOrderItem"]] == ["1", "1.1", "1.2", "2"]


def test_a_line_that_the_catalogue_refuses_says_why(http):
    order_no, _ = generated(order(item(), item("2", product="卫星电话")))
    shown = http.get(f"{ORDERS}/{order_no}").json()["serviceOrderItem"]
    assert [each["state"] for each in shown] == ["inProgress", "rejected"]
    (error,) = shown[1]["errorMessage"]
    assert "卫星电话" in error["message"]


def test_an_order_tells_what_it_waits_for_and_when_it_ended(http):
    order_no, held = waiting(plan_change())
    shown = http.get(f"{ORDERS}/{order_no}").json()
    assert (shown["state"], shown["stage"]) == ("inProgress", "generated")
    assert shown["waitingFor"].startswith("work-orders: 4 work orders are open (")
    complete(order_no)
    await_completion.fn(held)
    shown = http.get(f"{ORDERS}/{order_no}").json()
    assert shown["state"] == "completed"
    assert shown["completionDate"].endswith("Z")
    assert "waitingFor" not in shown


def test_several_orders_are_answered_together(http):
    assert len(post(http, [order(), order()]).json()) == 2
    lines = body(order()) + b"\n" + body(order())
    assert len(post(http, lines, NDJSON).json()) == 2


def test_a_batch_is_one_order_whose_items_are_shown_up_to_a_hundred(http):
    small = post(http, batch(100), f"{CSV}; charset=utf-8", agent="华信")
    assert small.status_code == 201
    assert len(small.json()["serviceOrderItem"]) == 100
    large = post(http, batch(101), CSV).json()
    assert "serviceOrderItem" not in large
    assert len(http.get(f"{ORDERS}/{large['id']}").json()["serviceOrderItem"]) == 101
    listed = http.get(ORDERS, params={"agent": "华信"}).json()
    assert [each["id"] for each in listed] == [small.json()["id"]]


def test_a_batch_with_bad_rows_tells_them_all_and_the_good_ones_can_be_taken(http):
    rows = batch(3) + b",add,\niot-card,ad,\n"
    answer = post(http, rows, CSV)
    assert fields_of(answer) == ["product", "action"]
    assert [each["line"] for each in answer.json()["problems"]] == [5, 6]
    taken = post(http, rows, CSV, accept="valid")
    assert taken.status_code == 201
    assert len(taken.json()["serviceOrder"]) == 1
    assert [each["line"] for each in taken.json()["leftOut"]] == [5, 6]


def test_orders_are_listed_newest_first_with_counts_and_pages(http):
    numbers = [submit(order()) for _ in range(5)]
    answer = http.get(ORDERS, params={"offset": 1, "limit": 2})
    assert [each["id"] for each in answer.json()] == numbers[::-1][1:3]
    assert answer.headers["x-total-count"] == "5"
    assert answer.headers["x-result-count"] == "2"
    assert http.get(ORDERS, params={"offset": 9}).json() == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"agent": "华信"}, {"a"}),
        ({"externalId": "b"}, {"b"}),
        ({"priority": "1"}, {"a"}),
        ({"category": "物联网"}, {"b"}),
        ({"product": "plan-change"}, {"b"}),
        ({"product": "物联网卡"}, {"a"}),
        ({"product": "plan_change"}, set()),
        ({"product": "%"}, set()),
        ({"state": "acknowledged"}, {"a", "b"}),
        ({"state": "acknowledged", "agent": "华信", "priority": "4"}, set()),
        ({"orderDate.gte": "2020-01-01"}, {"a", "b"}),
        ({"orderDate.lt": "2020-01-01T00:00:00+08:00"}, set()),
        ({"orderDate.gte": "2999-01-01T00:00:00Z"}, set()),
        ({"tag": "iot"}, set()),
    ],
)
def test_filters_all_must_hold(http, query, expected):
    submit(order(externalId="a", priority="1", relatedParty=[{"id": "华信", "role": "agent"}]))
    submit(plan_change(externalId="b", category="物联网"))
    answer = http.get(ORDERS, params=query)
    assert {each["externalId"] for each in answer.json()} == expected
    assert answer.headers["x-total-count"] == str(len(expected))


def test_only_the_fields_asked_for_are_shown_and_always_the_id(http):
    order_no = submit(order(description="开通"))
    for path in (ORDERS, f"{ORDERS}/{order_no}"):
        shown = http.get(path, params={"fields": "state, description"}).json()
        shown = shown[0] if isinstance(shown, list) else shown
        assert set(shown) == {"id", "href", "state", "description"}
        everything = http.get(path, params={"fields": ""}).json()
        everything = everything[0] if isinstance(everything, list) else everything
        assert "serviceOrderItem" in everything
    with_items = http.get(ORDERS, params={"fields": "serviceOrderItem"}).json()
    assert set(with_items[0]) == {"id", "href", "serviceOrderItem"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"priority": "urgent"}, "priority"),
        ({"priority": "9" * 30}, "priority"),
        ({"orderDate.gte": "soon"}, "orderDate.gte"),
        ({"orderDate.gte": "2026"}, "orderDate.gte"),
        ({"orderDate.lt": "0001-01-01T00:00:00+10:00"}, "orderDate.lt"),
        ({"state": ["held", "failed"]}, "state"),
        ({"offset": "-1"}, "query.offset"),
        ({"offset": "9" * 30}, "query.offset"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "9" * 30}, "limit"),
        ({"limit": "x"}, "query.limit"),
    ],
)
def test_a_query_that_cannot_be_answered_names_the_parameter(http, query, field):
    assert fields_of(http.get(ORDERS, params=query)) == [field]


def test_an_order_is_changed_until_its_work_starts(http):
    order_no = submit(order(description="开通"))
    patched = http.patch(f"{ORDERS}/{order_no}", json={"description": "停机", "priority": "0"})
    assert patched.status_code == 200
    assert (patched.json()["description"], patched.json()["priority"]) == ("停机", "0")
    answer = http.patch(f"{ORDERS}/{order_no}", json={"state": "completed"})
    assert fields_of(answer) == ["state"]
    assert answer.json()["messageId"]
    receive.fn(lease(order_no))
    late = http.patch(f"{ORDERS}/{order_no}", json={"description": "其他"})
    assert fields_of(late, 409) == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{ORDERS}/ord-20261122-aaaaaa", 404),
        ("PATCH", f"{ORDERS}/ord-20261122-aaaaaa", 404),
        ("GET", f"{CANCELLATIONS}/cmd-1", 404),
        ("GET", "/work-orders/wo-1", 404),
        ("GET", "/inbox/msg-1", 404),
        ("GET", "/nothing", 404),
        ("DELETE", f"{ORDERS}/ord-20261122-aaaaaa", 405),
        ("PUT", ORDERS, 405),
    ],
)
def test_what_is_not_there_or_not_offered_is_said_in_the_same_shape(http, method, path, status):
    answer = http.request(method, path, content=b"{}")
    assert fields_of(answer, status) == []


def test_a_refused_message_is_listed_with_its_problems_and_without_its_content(http):
    answer = post(http, {"serviceOrderItem": [], "description": KI})
    (listed,) = http.get("/inbox", params={"outcome": "refused"}).json()
    assert listed["id"] == answer.json()["messageId"]
    assert listed["problems"] == answer.json()["problems"]
    one = http.get(f"/inbox/{listed['id']}")
    assert one.json() == listed
    assert KI not in one.text
    assert "sealed" not in listed
    assert http.get("/inbox", params={"outcome": "accepted"}).json() == []


def test_work_orders_are_listed_by_order_state_team_and_system(http):
    order_no, _ = waiting(plan_change())
    sealed(plan_change())
    answer = http.get("/work-orders", params={"order_no": order_no, "state": "acknowledged"})
    (ready,) = answer.json()
    assert answer.headers["x-total-count"] == "1"
    assert (ready["name"], ready["system"]) == ("contract-check", "crm")
    assert http.get(f"/work-orders/{ready['id']}").json() == ready
    paged = http.get("/work-orders", params={"system": "crm", "limit": 1})
    assert (len(paged.json()), paged.headers["x-total-count"]) == (1, "2")
    assert http.get("/work-orders", params={"team": "nobody"}).json() == []


def test_the_gateway_says_that_it_lives_and_is_ready(http):
    assert http.get("/health").json() == {"status": "ok"}
    assert http.get("/ready").status_code == 200
    assert http.get("/openapi.json").json()["paths"][ORDERS]["post"]


EXAMPLES = PROJECT_DIR / "examples/dialects"


def test_a_message_in_a_dialect_is_taken_by_name_agent_or_content(http):
    commands = (EXAMPLES / "network-commands.json").read_bytes()
    named = post(http, commands, dialect="network-commands")
    assert named.status_code == 201
    again = post(http, commands, agent="helios-mvne")
    assert again.json()["id"] == named.json()["id"]
    gbk = (EXAMPLES / "gongdan-gbk.xml").read_bytes()
    taken = post(http, gbk, "application/xml")
    assert [each["externalId"] for each in taken.json()] == [
        "GD-2026-112200461",
        "GD-2026-112200463",
    ]
    assert fields_of(post(http, commands)) == ["serviceOrderItem"]
    assert fields_of(post(http, commands, dialect="nobody")) == ["dialect"]


def test_parameters_of_commands_are_shown_masked(http):
    raw = (EXAMPLES / "network-commands.json").read_bytes()
    answer = post(http, raw, dialect="network-commands")
    (shown,) = answer.json()["serviceOrderItem"]
    assert shown["service"]["supportingService"][0]["name"] == "ADD_KI"
    order_no = answer.json()["id"]
    held = lease(order_no)
    assert receive.fn(held) and decompose.fn(held) and generate_work_orders.fn(held)
    listed = http.get("/work-orders", params={"order_no": order_no})
    parameters = {each["name"]: each["parameters"] for each in listed.json()}
    assert parameters["ADD_KI"]["KI"] == "***"
    assert parameters["ADD_APN"] == {"APN": "internet", "PDN_TYPE": "IPV4V6", "QCI": 9}
    read = answer.text + listed.text + http.get(f"{ORDERS}/{order_no}").text
    assert [
        secret for secret in ("6A5F3B1E", "907315", "310101199003070731") if secret in read
    ] == []


def test_a_partner_is_told_in_its_own_words(http):
    raw = (EXAMPLES / "gongdan.xml").read_bytes()
    answer = post(http, raw.replace("停机<".encode(), "停转<".encode()), "text/xml")
    assert fields_of(answer) == ["/工单报文/工单列表/工单[2]/业务明细/业务/业务类型"]
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    assert fields_of(post(http, bomb, "text/xml", dialect="gongdan-xml")) == ["body"]
