"""PostgreSQL goes away and comes back: nothing is acknowledged meanwhile, nothing is lost."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import text
from sqlmodel import func, select

from ordercast.store import runs
from ordercast.store.engine import DATABASE_AWAY, be_known_as, database
from ordercast.store.migrating import upgrade
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import OrderLine, OrderOutcome, ServiceOrder, WorkOrder
from ordercast.store.work_orders import any_open
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tasks.decompose import decompose
from tasks.receive import receive
from tasks.work_orders import generate_work_orders
from tests.conftest import forget
from tests.gateway import gateway
from tests.keys import keyed
from tests.orders import body, complete, order, report, stored, submit, waiting, work_orders

pytestmark = pytest.mark.service

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
THREADS, EACH, RESTARTS = 4, 12, 6


@pytest.fixture
def on_cluster(home, cluster, monkeypatch):
    """A database on a server that the test may stop."""
    with cluster.temporary() as url:
        monkeypatch.setenv("ORDERCAST_DATABASE__URL", url)
        monkeypatch.setenv("ORDERCAST_DATABASE__POOL_TIMEOUT_SECONDS", "0.2")
        forget()
        upgrade(database())
        yield cluster
        forget()


def test_the_gateway_answers_503_while_the_database_is_away(on_cluster):
    http = keyed(gateway())
    assert http.post(ORDERS, content=body(order(externalId="before"))).status_code == 201
    on_cluster.stop()
    try:
        for answer in (
            http.post(ORDERS, content=body(order(externalId="meanwhile"))),
            http.get(ORDERS),
            http.post("/work-orders/wo-1-1-1/report", json={"result": "completed"}),
        ):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json().keys() == {"code", "reason", "message", "status"}
        assert http.get("/ready").status_code == 503
        assert http.get("/health").status_code == 200
    finally:
        on_cluster.start()
    assert http.get("/ready").status_code == 200
    assert [each["externalId"] for each in http.get(ORDERS).json()] == ["before"]


def test_when_every_connection_is_busy_the_gateway_answers_503(on_cluster, monkeypatch):
    monkeypatch.setenv("ORDERCAST_DATABASE__POOL_SIZE", "1")
    forget()
    http = keyed(gateway())
    with database().engine.connect(), database().engine.connect():
        assert http.get(ORDERS).status_code == 503
    assert http.get(ORDERS).status_code == 200


def patiently(deed, *arguments):
    """As Prefect tries a task again while the database is away."""
    while True:
        try:
            return deed(*arguments)
        except DATABASE_AWAY:
            time.sleep(0.05)


def carry(external_id):
    """An order from intake to broadcast, each step tried again while the database is away."""
    order_no = patiently(submit, order(externalId=external_id))
    held = patiently(lambda: runs.take_lease(order_no, 1, flow_run_id=None, worker="tester"))
    for step in (receive, decompose, generate_work_orders, await_completion):
        patiently(step.fn, held)
    while patiently(still_open, order_no):
        for each in patiently(work_orders, order_no):
            if each.state == "acknowledged":
                patiently(lambda one=each: report(one, report_id="only"))
    for step in (await_completion, broadcast):
        assert patiently(step.fn, held)


def still_open(order_no):
    with database().read() as session:
        return any_open(session, order_no)


def carry_until(over, numbers):
    """Carry order after order, a few at least, until the event; how many they were."""
    carried = 0
    while carried < EACH or not over.is_set():
        carry(f"x{next(numbers)}")
        carried += 1
    return carried


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_a_restart_under_load_loses_nothing_and_doubles_nothing(on_cluster, number):
    on_cluster.be_durable()
    numbers, over = count(1), threading.Event()
    with ThreadPoolExecutor(THREADS) as threads:
        carrying = [threads.submit(carry_until, over, numbers) for _ in range(THREADS)]
        try:
            for _ in range(RESTARTS):
                over.wait(0.5)
                on_cluster.restart(number)
        finally:
            over.set()
        carried = sum(each.result() for each in carrying)
    with database().read() as session:
        assert session.exec(select(func.count()).select_from(ServiceOrder)).one() == carried
        assert session.exec(select(func.count()).select_from(OrderLine)).one() == carried
        assert session.exec(select(func.count()).select_from(WorkOrder)).one() == 3 * carried
        assert session.exec(select(func.count()).select_from(OrderOutcome)).one() == carried
        assert session.exec(select(func.count()).select_from(PushEvent)).one() == 4 * carried


def test_a_statement_that_takes_too_long_is_given_up(on_cluster, monkeypatch):
    monkeypatch.setenv("ORDERCAST_DATABASE__STATEMENT_TIMEOUT_SECONDS", "0.1")
    forget()
    with pytest.raises(DATABASE_AWAY), database().read() as session:
        session.execute(text("SELECT pg_sleep(5)"))


def test_postgresql_shows_which_service_a_connection_is_of(on_cluster, monkeypatch):
    monkeypatch.setattr("ordercast.store.engine._Process.name", "ordercast")
    be_known_as(["gateway", "relay"])
    forget()
    with database().read() as session:
        shown = session.execute(text("SHOW application_name")).scalar_one()
    assert shown == "ordercast-gateway-relay"


def test_what_is_read_in_one_session_is_one_view_and_cannot_be_written(on_cluster):
    order_no, _ = waiting(order())
    with database().read() as session:
        before = session.exec(select(WorkOrder.state)).all()
        complete(order_no)
        assert session.exec(select(WorkOrder.state)).all() == before
        with pytest.raises(Exception, match="read-only"):
            session.execute(text("DELETE FROM work_order"))
    assert stored(order_no).order_no == order_no
