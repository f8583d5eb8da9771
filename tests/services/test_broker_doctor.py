"""The doctor at a real broker: what it is, what waits there, and what its user may do."""

from functools import partial
from urllib.parse import quote

import pytest

from config.settings import settings
from ordercast.doctor import broker
from tests.services.listening import Queues, is_listening, listening
from tests.services.nats import NatsServer
from tests.waiting import free_port, wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("home")]

USER = "poor"


@pytest.fixture
def queues(monkeypatch, rabbitmq):
    """Queues of the test's own, which are not there yet."""
    names = Queues(monkeypatch, rabbitmq.url)
    yield names
    rabbitmq.delete(names.orders, names.reports, names.dead_letters)


@pytest.fixture
def granted(queues, rabbit_node):
    """Sets what a user may configure, write and read; the doctor is that user."""
    rabbit_node.control("add_user", USER, "p:w")
    queues.set("URL", rabbit_node.url.replace("guest:guest", f"{USER}:{quote('p:w')}"))
    yield partial(rabbit_node.control, "set_permissions", USER)
    rabbit_node.control("delete_user", USER)


@pytest.fixture
def subjects(monkeypatch, nats_server):
    return Queues(monkeypatch, nats_server.url)


def told():
    return [each.found for each in broker.look()]


def wrong():
    return {each.found: each.cure for each in broker.look() if not each.is_well}


def test_a_broker_that_no_setting_names_is_not_looked_at():
    assert told() == []


def test_a_url_of_no_broker_is_found(monkeypatch):
    Queues(monkeypatch, "kafka://somewhere")
    assert list(wrong()) == ["kafka:// is of no known broker"]


def test_rabbitmq_says_what_it_is_and_that_the_listener_will_make_the_queues(queues, rabbitmq):
    first, *others = told()
    assert first.startswith("RabbitMQ 3.") and "guest:***@" in first
    assert others == [
        f"{name} is not there yet: the listener makes it"
        for name in (queues.orders, queues.reports, queues.dead_letters)
    ]
    assert wrong() == {}
    assert not any(map(rabbitmq.has, (queues.orders, queues.reports, queues.dead_letters)))


def test_messages_that_nobody_takes_are_found_and_stay_as_they_are(queues, rabbitmq):
    rabbitmq.send(rabbitmq.declare(queues.orders), b"{}")
    found, cure = next(iter(wrong().items()))
    assert found == f"{queues.orders}: 1 messages wait, 0 consumers"
    assert "serve listener" in cure
    (message,) = rabbitmq.take(queues.orders)
    assert not message.redelivered


def test_dead_letters_are_noted_and_where_a_listener_listens_nothing_is_wrong(queues, rabbitmq):
    rabbitmq.declare(queues.orders)
    with listening():
        wait_for(is_listening, what="the listener does not listen")
        rabbitmq.send(queues.orders, b"not json")
        wait_for(lambda: rabbitmq.count(queues.dead_letters)[0], what="no dead letter")
        assert wrong() == {}
        assert f"{queues.orders}: 0 messages wait, 1 consumers" in told()
    assert [each.found for each in broker.look() if each.is_to_note] == [
        f"{queues.dead_letters}: 1 dead letters"
    ]


def test_each_right_that_is_lacking_is_named(queues, rabbitmq, granted):
    rabbitmq.declare(queues.orders)
    granted("^$", "^$", "^$")
    lacking = wrong()
    assert list(lacking) == [
        f"may not read {queues.orders}",
        f"{queues.reports} is not there, and may not be made",
        f"{queues.dead_letters} is not there, and may not be made",
        "may not send answers and dead letters",
    ]
    assert all("set_permissions" in cure for cure in lacking.values())
    granted(".*", "^$", ".*")
    assert list(wrong()) == ["may not send answers and dead letters"]
    granted(".*", "amq.default", ".*")
    assert wrong() == {}


def test_who_is_not_let_in_is_told_why(queues, rabbit_node, granted):
    (found,) = wrong()  # the user has been granted nothing
    assert "the virtual host is not there, or not for this user" in found
    queues.set("URL", rabbit_node.url.replace("guest:guest", f"{USER}:wrong"))
    (found,) = wrong()
    assert "the user or the password is wrong" in found and "***" in found


@pytest.mark.parametrize("scheme", ["amqp", "nats"])
def test_a_broker_that_is_away_is_found(monkeypatch, scheme):
    Queues(monkeypatch, f"{scheme}://user:secret@127.0.0.1:{free_port()}")
    ((found, cure),) = wrong().items()
    assert "does not answer" in found and "Connect call failed" in found
    assert "secret" not in found
    assert "ORDERCAST_BROKER__URL" in cure


def test_a_rabbitmq_in_alarm_is_found(queues, rabbit_node, monkeypatch):
    monkeypatch.setattr("ordercast.doctor.rabbitmq.ASKED_SECONDS", 2)
    rabbit_node.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        (cure,) = wrong().values()
    finally:
        rabbit_node.control("set_vm_memory_high_watermark", "absolute", "1GB")
    assert "alarm" in cure


def test_nats_says_what_it_is_and_that_the_listener_will_make_the_streams(subjects, nats_server):
    first, *others = told()
    assert first.startswith("NATS 2.") and "with JetStream" in first
    assert len(others) == 3 and all("the listener makes it" in each for each in others)
    assert nats_server.count(subjects.orders) is None
    assert wrong() == {}


def test_nats_counts_what_waits_and_the_dead_letters(subjects, nats_server):
    with listening():
        wait_for(is_listening, what="the listener does not listen")
        nats_server.send(subjects.orders, b"not json")
        wait_for(lambda: nats_server.count(subjects.dead_letters), what="no dead letter")
    nats_server.send(subjects.orders, b"{}", b"[]")
    assert f"{subjects.orders}: 2 messages wait" in told()
    assert f"{subjects.dead_letters}: 1 dead letters" in told()
    assert wrong() == {}


@pytest.mark.parametrize(
    ("written", "user", "found"),
    [
        ("debug: false", "", "it has no JetStream"),
        ("authorization {{ user: a, password: b }}", "a:wrong@", "password or token are wrong"),
        (
            "authorization {{ users: [{{ user: a, password: b, permissions: {{ publish: x }} }}] }}"
            "\njetstream: {{ store_dir: '{home}' }}",
            "a:b@",
            "permissions violation",
        ),
    ],
    ids=["no JetStream", "wrong password", "no rights"],
)
def test_a_nats_that_lets_us_do_nothing_says_why(monkeypatch, tmp_path, written, user, found):
    if NatsServer.program() is None:
        pytest.skip("no nats-server: run .ci/services")
    with NatsServer(tmp_path, configuration=written) as server:
        Queues(monkeypatch, server.url.replace("//", f"//{user}"))
        ((said, cure),) = wrong().items()
    assert found in said and cure
    assert settings().broker.url.get_secret_value() not in said or not user
