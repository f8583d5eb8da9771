"""Traffic by the message middleware: an agent whose orders are of several kinds, a crew that
reports them, and the queues in which their news arrives."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import aio_pika

from tests.journeys.asking import ORDERS
from tests.journeys.machines import ORDERS_QUEUE, REPORTS_QUEUE, Machines
from tests.orders import CSV, body, item, order
from tests.services.rabbitmq import RabbitNode
from tests.waiting import wait_for

EXCHANGE, EVENTS, ANSWERS = "journey.events", "journey.heard", "journey.answers"
KINDS = ("card", "three-plans", "failing", "batch")
AWAY = (aio_pika.exceptions.AMQPError, OSError, RuntimeError)
SEND_SECONDS, REPORT_SECONDS = 1, 0.3
OPEN = {"acknowledged", "pending", "inProgress"}
MORE_ORDERS = 4
SECONDS = 400
"""A push that the broker's outage has met twice is sent again after five minutes."""


class Traffic:
    """What was sent, by external id, and all that was heard of it, by order or external id."""

    def __init__(self, machines: Machines, node: RabbitNode) -> None:
        self.machines, self.node = machines, node
        self.sent: dict[str, str] = {}
        self.numbers: dict[str, set[str]] = defaultdict(set)
        self.told: dict[str, set[str]] = defaultdict(set)
        self.replied: dict[str, set[str]] = defaultdict(set)
        self.by_http: set[str] = set()
        self._ended: set[str] = set()
        self._postponed: list[str] = []
        self._listening = threading.Lock()
        self._may_work, self._stop = threading.Event(), threading.Event()
        self._may_work.set()

    # the agent

    def send_orders(self) -> None:
        """Send one after the other; while the broker is away by HTTP, but for batches."""
        for number in count(1):
            if self._stop.wait(SEND_SECONDS):
                break
            kind = KINDS[number % len(KINDS)]
            self._send(f"{kind}-{number}", kind)
        for external_id in self._postponed:
            wait_for(lambda no=external_id: self._by_queue(no, "batch"), what="not sent")
            self.sent[external_id] = "batch"

    def _send(self, external_id: str, kind: str) -> None:
        if self._by_queue(external_id, kind):
            self.sent[external_id] = kind
        elif kind == "batch":  # by another door it would be another batch: it has no external id
            self._postponed.append(external_id)
        else:
            message = _message(external_id, kind)
            answer = self.machines.ask("POST", ORDERS, content=message).json()
            self.numbers[external_id].add(answer["id"])
            self.by_http.add(external_id)
            self.sent[external_id] = kind

    def _by_queue(self, external_id: str, kind: str) -> bool:
        about = {"message_id": external_id, "correlation_id": external_id, "reply_to": ANSWERS}
        if kind == "batch":
            about["content_type"] = CSV
        return self._put(ORDERS_QUEUE, _message(external_id, kind), about)

    def _put(self, queue: str, message: bytes, about: Mapping[str, str]) -> bool:
        try:
            self.node.send(queue, message, **about)
        except AWAY:
            return False
        return True

    # the crew

    def report_work(self) -> None:
        """Report what is to be done, by the queue, until all is done."""
        while not self._stop.is_set() or self._is_open():
            self._may_work.wait()
            state = {"state": "acknowledged"}
            ready = self.machines.ask("GET", "/work-orders", params=state).json()
            if ready:
                reports = body([self._report(row) for row in ready])
                self._put(REPORTS_QUEUE, reports, {})  # what was not sent is still to be done
            threading.Event().wait(REPORT_SECONDS)

    def _report(self, row: Mapping[str, Any]) -> dict[str, str]:
        found = self.machines.ask("GET", f"{ORDERS}/{row['order_no']}").json()
        fails = str(found.get("externalId", "")).startswith("failing")
        result = "failed" if fails else "completed"
        return {"work_order_id": row["id"], "report_id": f"{row['id']}-done", "result": result}

    def _is_open(self) -> bool:
        self.listen()
        numbers = [self.numbers[external_id] for external_id in list(self.sent)]
        return not all(each and all(map(self._is_told, each)) for each in numbers)

    # the news

    def listen(self) -> None:
        """Take what has come: answers, events to who sent the order, and those to all."""
        with self._listening:
            try:
                answers, events = self.node.take(ANSWERS), self.node.take(EVENTS)
            except AWAY:
                return
        for message in answers:
            self._answered(str(message.correlation_id), json.loads(message.body))
        for event in (json.loads(message.body) for message in events):
            self.told[event["subject"]].add(event["id"])

    def is_all_heard(self) -> bool:
        """Whether the end of each order was told to all, and to who sent it by the queue."""
        self.listen()
        ended = {no for external_id in self.sent for no in self.numbers[external_id]}
        return ended <= set(self.told) and self._by_queue_only() <= set(self.replied)

    def _by_queue_only(self) -> set[str]:
        return set(self.sent) - self.by_http

    def _answered(self, external_id: str, answer: Mapping[str, Any]) -> None:
        if "orders" in answer:
            self.numbers[external_id] |= {each["id"] for each in answer["orders"]}
        elif answer["type"].startswith("com.ordercast.order."):
            self.replied[external_id].add(answer["id"])

    # the load

    def go_on(self) -> None:
        """Wait until some more orders of all kinds are sent."""
        least = len(self.sent) + len(self._postponed) + MORE_ORDERS
        wait_for(
            lambda: len(self.sent) + len(self._postponed) >= least,
            what="no order is sent",
            seconds=SECONDS,
        )

    @contextmanager
    def quiet_crew(self) -> Iterator[None]:
        """The crew rests, and everybody has been told of what it did."""
        self._may_work.clear()
        wait_for(self._is_quiet, what="pushes are under way", seconds=SECONDS)
        yield
        self._may_work.set()

    def _is_quiet(self) -> bool:
        self.listen()
        numbers = [no for each in list(self.numbers.values()) for no in each]
        is_told = all(self._is_told(no) or self._has_work(no) for no in numbers)
        pending = self.machines.count_of("/pushes", state="pending")
        return is_told and not pending and not self.node.count(REPORTS_QUEUE)[0]

    def _has_work(self, order_no: str) -> bool:
        asked = {"order_no": order_no}
        rows = self.machines.ask("GET", "/work-orders", params=asked).json()
        return not rows or bool(OPEN & {row["state"] for row in rows})

    def _is_told(self, order_no: str) -> bool:
        if order_no not in self._ended:  # the crew never reports anew: what has ended has
            found = self.machines.ask("GET", f"{ORDERS}/{order_no}").json()
            if found["stage"] != "broadcast":
                return False
            self._ended.add(order_no)
        return True

    def stop(self) -> None:
        self._stop.set()


def _message(external_id: str, kind: str) -> bytes:
    """The same for the same external id, so that it may be sent again."""
    number = int(external_id.rpartition("-")[2])
    if kind == "batch":
        rows = [f"iot-card,add,8986{number:06}{n:05}1234" for n in range(5)]
        return "\n".join(["product,action,iccid", *rows, ""]).encode()
    if kind == "three-plans":
        lines = [
            item(
                str(n),
                product="plan-change",
                action="modify",
                msisdn=f"8613{number:07}{n:02}",
                plan="5G-199",
            )
            for n in range(1, 4)
        ]
        return body(order(*lines, externalId=external_id))
    return body(order(item(iccid=f"89861{number:014}"), externalId=external_id))


@contextmanager
def flowing(machines: Machines, node: RabbitNode) -> Iterator[Traffic]:
    """Traffic until the end of the block; what was sent is worked on until it is done."""
    traffic = Traffic(machines, node)
    node.declare(ANSWERS)
    node.do(_bind_events)
    url = f"{node.url}?exchange={EXCHANGE}"
    subscriber = {"kind": "public", "name": "exchange", "url": url, "schedule": "wechat-pay"}
    machines.ask("POST", "/subscribers", json=subscriber)
    threads = [threading.Thread(target=each) for each in (traffic.send_orders, traffic.report_work)]
    for thread in threads:
        thread.start()
    try:
        yield traffic
    finally:
        traffic.stop()
        for thread in threads:
            thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in threads), "what was sent is not done"


async def _bind_events(channel: Any) -> None:
    exchange = await channel.declare_exchange(EXCHANGE, "fanout", durable=True)
    await (await channel.declare_queue(EVENTS, durable=True)).bind(exchange)
