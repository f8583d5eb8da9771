"""Lines and their outcome on the way: from the reports through the relay to a real receiver."""

import threading
from contextlib import contextmanager

import pytest
from sqlmodel import select

from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret
from ordercast.services.relay.deliver import deliver_forever
from ordercast.services.relay.lines import tell_lines
from ordercast.store import subscribers
from ordercast.store.engine import database as current
from ordercast.store.push_tables import LineNotice
from tasks.broadcast import broadcast
from tasks.completion import await_completion
from tests.conftest import forget
from tests.orders import complete, plan_change, report, waiting, work_orders
from tests.services.receivers import Receiver, eventually

LINES_ENDED = "com.ordercast.order.lines-ended.v1"


@pytest.fixture(autouse=True)
def often(database, monkeypatch):
    monkeypatch.setenv("ORDERCAST_RELAY__POLL_SECONDS", "0.05")
    forget()


@contextmanager
def relays(count):
    """What tells of lines and what delivers, of so many relays."""
    stop = threading.Event()

    def tell():
        while not stop.wait(0.05):
            tell_lines(None)

    threads = [threading.Thread(target=tell) for _ in range(count)]
    threads += [threading.Thread(target=deliver_forever, args=(stop, None)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()


def subscribe(url, **wanted):
    document = {"kind": "public", "name": "portal", "url": url, "policy": "lines", **wanted}
    with current().write() as session:
        new = NewSubscriber.model_validate(document)
        return subscribers.create(session, new, secret=new_secret()).id


def lines(receiver):
    return [
        line["line_no"]
        for push in receiver.pushes
        if push.event["type"] == LINES_ENDED
        for line in push.event["data"]["lines"]
    ]


def finish(order_no, line_no):
    for row in work_orders(order_no):
        if row.line_no == line_no:
            report(row)


def test_lines_are_told_while_the_order_goes_on_and_all_of_them_before_its_outcome():
    with Receiver() as receiver, relays(2):
        subscribe(receiver.url, lines_every_seconds=1)
        order_no, held = waiting(plan_change(lines=4))
        finish(order_no, 3)
        eventually(lambda: lines(receiver) == [3])
        with current().read() as session:
            assert session.exec(select(LineNotice.due_at)).all() == [None]
        complete(order_no)
        assert await_completion.fn(held)
        assert broadcast.fn(held)
        eventually(lambda: receiver.pushes[-1].event["type"].endswith("order.completed.v1"))
    assert sorted(lines(receiver)) == [1, 2, 3, 4]
    sequences = [push.event["sequence"] for push in receiver.pushes]
    assert sequences == sorted(set(sequences))
