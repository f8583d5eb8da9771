"""Metrics and answers as they are served: what Prometheus reads, what operators ask."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from ordercast.cli import app as cli
from ordercast.services.gateway.app import create_app
from ordercast.services.gateway.metrics import measured
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.pushes import NewEvent
from tests.keys import keyed
from tests.store.test_replays import end, subscribe, tell

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def http():
    measured.forget()
    yield keyed(create_app())
    measured.forget()


def samples(http):
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_prometheus_reads_orders_pushes_and_times_to_told(http):
    subscriber = subscribe(database(), 'crm "one"\\')
    tell(database(), "ord-1", at=now())
    end(database())
    tell(database(), "ord-2", at=now())
    found = samples(http)
    assert found["ordercast_orders", "completed"] == 2
    assert found["ordercast_orders_in_flight",] == 0
    assert found["ordercast_pushes", "pending"] == 1
    assert found["ordercast_pushes_delivered_last_hour",] == 1
    name = 'crm "one"\\'  # the parser has labels by their names
    assert found["ordercast_time_to_told_seconds_count", name, subscriber] == 1
    assert found["ordercast_time_to_told_seconds", name, "0.5", subscriber] >= 0
    assert found["ordercast_time_to_told_seconds", name, "0.99", subscriber] >= 0
    assert 0 <= found["ordercast_oldest_due_seconds",] < 60


def test_several_gateways_tell_the_same_and_each_keeps_what_it_read_for_a_while(http):
    tell(database(), "ord-1")
    other = keyed(create_app())
    assert samples(http) == samples(other)
    tell(database(), "ord-2")
    assert samples(http)["ordercast_orders", "completed"] == 1
    measured.forget()
    assert samples(http)["ordercast_orders", "completed"] == 2


def test_the_openmetrics_form_is_answered_to_who_asks_for_it(http):
    answer = http.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert answer.text.endswith("# EOF\n")


def run(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments], env={"COLUMNS": "300"})


def test_what_is_not_told_is_listed_over_http_and_by_command(http):
    assert run("pushes", "untold").exit_code == 0
    subscribe(database(), "crm")
    tell(database(), "ord-1")
    tell(database(), "ord-2", at=now())
    (found,) = http.get("/pushes/untold").json()
    assert (found["order_no"], found["subscriber"]["name"]) == ("ord-1", "crm")
    assert found["minutes"] > 10
    assert len(http.get("/pushes/untold", params={"minutes": 0}).json()) == 2
    assert http.get("/pushes/untold", params={"minutes": -1}).status_code == 400
    listed = run("pushes", "untold", "--minutes", 10)
    assert listed.exit_code == 1 and "ord-1" in listed.output and "ord-2" not in listed.output
    assert len(json.loads(run("pushes", "untold", "--json").output)) == 1


def test_the_matrix_is_served_and_shown_with_the_pushes_of_an_order(http):
    subscribe(database(), "crm")
    subscribe(database(), "iot only", tags=["iot"])
    tell(database(), "ord-1", NewEvent("order.completed", 1))
    found = http.get("/pushes/matrix", params={"order_no": "ord-1"}).json()
    crm, iot = found["subscribers"]
    assert crm["pushes"]["1"]["state"] == "pending"
    assert iot["not_told"]["1"] == "it asked for orders tagged iot alone"
    assert http.get("/pushes/matrix", params={"order_no": "ord-9"}).status_code == 404
    shown = run("pushes", "show", "ord-1").output
    assert "no: it asked for orders tagged iot alone" in shown
