"""Two of each on several machines: any one may be killed under load, and no order is lost.

Two Prefect API servers and gateways behind one address, two workers, relays and listeners,
Prefect's services, PostgreSQL, Redis, RabbitMQ, and an S3 server; they share no file.
"""

import signal
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.flows.samples import plan_change
from tests.journeys.asking import ORDERS, SECONDS, patiently
from tests.journeys.machines import Machines, Servers, running, wait_until_prepared
from tests.journeys.receiver import Receiver, told_by
from tests.journeys.traffic import Traffic, flowing
from tests.services import balancer
from tests.services.postgres import Cluster
from tests.services.rabbitmq import RabbitNode
from tests.services.redis_server import RedisServer
from tests.services.s3_server import S3Server
from tests.waiting import wait_for

pytestmark = pytest.mark.service

NUMBERS = count(1)

ONE_OF_TWO = ["api-1", "gateway-1", "relay-1", "worker-1", "listener-1"]
MAY_TELL_TWICE = {"relay-1"}
"""What it had sent, and not yet noted, is sent once more with the same id; see the guarantees."""


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if missing := [*RedisServer.missing_programs(), *balancer.missing_programs()]:
        pytest.skip(f"no {', '.join(missing)}: run .ci/services")
    with RedisServer(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(scope="module")
def machines(
    tmp_path_factory: pytest.TempPathFactory,
    cluster: Cluster,
    redis: RedisServer,
    s3_server: S3Server,
    rabbit_node: RabbitNode,
) -> Iterator[Machines]:
    cluster.be_durable()
    shared = Servers(redis.url, s3_server.url, rabbit_node.url)
    with running(tmp_path_factory.mktemp("machines"), cluster, shared) as started:
        wait_until_prepared(started)
        yield started


@pytest.fixture(scope="module")
def receiver(machines: Machines) -> Iterator[Receiver]:
    with told_by(machines.ask) as listening:
        yield listening


def submit(machines: Machines) -> str:
    order = plan_change(externalId=f"machines-{next(NUMBERS)}")
    return machines.ask("POST", ORDERS, json=order).json()["id"]


def work_orders(machines: Machines, order_no: str, **query: str) -> list[dict[str, Any]]:
    params = {"order_no": order_no, **query}
    return machines.ask("GET", "/work-orders", params=params).json()


def wait_for_work(machines: Machines, order_no: str) -> None:
    wait_for(
        lambda: work_orders(machines, order_no),
        what=f"{order_no} has no work orders",
        seconds=SECONDS,
    )


def report_all(machines: Machines, order_no: str) -> None:
    while ready := work_orders(machines, order_no, state="acknowledged"):
        reports = [
            {"work_order_id": row["id"], "report_id": f"{row['id']}-done", "result": "completed"}
            for row in ready
        ]
        machines.ask("POST", "/work-orders/reports", json=reports)


def begin(machines: Machines) -> list[str]:
    """Orders at every point of their life: reported, waiting for work, and just arrived."""
    waiting = [submit(machines) for _ in range(3)]
    for order_no in waiting:
        wait_for_work(machines, order_no)
    for order_no in waiting[:2]:
        report_all(machines, order_no)
    return [*waiting, *(submit(machines) for _ in range(2))]


def finish(machines: Machines, receiver: Receiver, order_nos: list[str]) -> None:
    """All complete; platform and subscriber have each of them once."""
    for order_no in order_nos:
        wait_for_work(machines, order_no)
        report_all(machines, order_no)
    for order_no in order_nos:
        wait_for(
            lambda no=order_no: is_told(machines, no), what=f"{order_no} hangs", seconds=SECONDS
        )
        wait_for(lambda no=order_no: receiver.told_of(no), what=f"{order_no} is not told")
        versions = patiently("GET", f"{machines.platform}/orders/{order_no}/versions").json()
        assert [each["version"] for each in versions] == [1]
        assert len(receiver.ids_of(order_no)) == 1
    assert receiver.forged == 0


def is_told(machines: Machines, order_no: str) -> bool:
    order = machines.ask("GET", f"{ORDERS}/{order_no}").json()
    return (order["state"], order["stage"]) == ("completed", "broadcast")


def told_once(receiver: Receiver, order_nos: list[str]) -> bool:
    return all(receiver.times[event] == 1 for no in order_nos for event in receiver.ids_of(no))


def test_orders_complete_and_each_event_is_told_exactly_once(
    machines: Machines, receiver: Receiver
) -> None:
    order_nos = begin(machines)
    finish(machines, receiver, order_nos)
    assert told_once(receiver, order_nos)


@pytest.mark.parametrize("name", ONE_OF_TWO)
def test_while_one_of_two_is_dead_the_other_does_the_work(
    machines: Machines, receiver: Receiver, name: str
) -> None:
    order_nos = begin(machines)
    machines[name].kill()
    order_nos += [submit(machines) for _ in range(2)]
    finish(machines, receiver, order_nos)
    assert name in MAY_TELL_TWICE or told_once(receiver, order_nos)
    machines[name].start()
    machines[name].wait_until_ready()


def crash_services(machines: Machines, redis: RedisServer, cluster: Cluster) -> None:
    machines["services"].kill()
    machines["services"].start()


def crash_redis(machines: Machines, redis: RedisServer, cluster: Cluster) -> None:
    redis.restart(signal.SIGKILL)


def crash_postgresql(machines: Machines, redis: RedisServer, cluster: Cluster) -> None:
    cluster.restart(signal.SIGQUIT)


@pytest.mark.parametrize("crash", [crash_services, crash_redis, crash_postgresql])
def test_what_there_is_one_of_may_crash_and_come_back(
    machines: Machines, receiver: Receiver, redis: RedisServer, cluster: Cluster, crash: Any
) -> None:
    order_nos = begin(machines)
    crash(machines, redis, cluster)
    order_nos += [submit(machines) for _ in range(2)]
    finish(machines, receiver, order_nos)
    assert crash is crash_postgresql or told_once(receiver, order_nos)


def broker_restarts(traffic: Traffic, rabbit_node: RabbitNode) -> None:
    with traffic.quiet_crew():
        rabbit_node.stop()
        traffic.go_on()
        rabbit_node.start()


def database_restarts(traffic: Traffic, cluster: Cluster) -> None:
    cluster.stop(signal.SIGQUIT)
    traffic.go_on()
    cluster.start()


def s3_restarts(traffic: Traffic, s3_server: S3Server) -> None:
    s3_server.own.stop_gateway()
    traffic.go_on()
    s3_server.own.start_gateway()


def test_orders_by_queue_survive_restarts_of_broker_database_and_s3_server_under_load(
    machines: Machines,
    receiver: Receiver,
    cluster: Cluster,
    rabbit_node: RabbitNode,
    s3_server: S3Server,
) -> None:
    before = machines.count_of(ORDERS)
    with flowing(machines, rabbit_node) as traffic:
        traffic.go_on()
        s3_restarts(traffic, s3_server)
        traffic.go_on()
        database_restarts(traffic, cluster)
        traffic.go_on()
        broker_restarts(traffic, rabbit_node)
        traffic.go_on()
    assert machines.count_of(ORDERS) == before + len(traffic.sent)
    for external_id, kind in traffic.sent.items():
        (order_no,) = traffic.numbers[external_id]
        order = machines.ask("GET", f"{ORDERS}/{order_no}").json()
        assert order["state"] == ("failed" if kind == "failing" else "completed")
        versions = patiently("GET", f"{machines.platform}/orders/{order_no}/versions").json()
        assert [each["version"] for each in versions] == [1]
        wait_for(lambda no=order_no: receiver.told_of(no), what=f"{order_no} is not told")
        assert len(receiver.ids_of(order_no)) == 1
    wait_for(traffic.is_all_heard, what="the broker's news are missing", seconds=SECONDS)
    assert {len(ids) for ids in traffic.told.values()} == {1}
    assert {len(ids) for ids in traffic.replied.values()} == {1}


def test_the_evidence_of_all_is_whole(machines: Machines) -> None:
    verified = machines.run("archive", "verify")
    assert verified.returncode == 0, verified.stdout


def test_nothing_ended_by_itself(machines: Machines) -> None:
    assert {each.name: each.ended for each in machines.all.values() if each.ended} == {}
