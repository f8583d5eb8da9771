"""The performance: receivers subscribe, orders are sent, the crew works, and all are told."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from ordercast.demo.crew import Crew
from ordercast.demo.doors import Door
from ordercast.demo.failing import DemoFailed
from ordercast.demo.receivers import AUDIENCES, Receiver
from ordercast.demo.stack import Stack
from ordercast.demo.story import DUPLICATE, MALFORMED, Expected, read
from ordercast.domain.order import Stage
from ordercast.domain.work_order import WorkOrderState
from ordercast.intake.json_orders import JSON
from ordercast.store.runs import WaitingFor

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
CANCELLATIONS = "/tmf-api/serviceOrdering/v4/cancelServiceOrder"
PAUSE_SECONDS = 0.5
STALL_SECONDS = 150


class Count(StrEnum):
    """What the demo counts while it runs."""

    SERVICES = "Services ready 启动"
    ACCEPTED = "Orders accepted 受理"
    REPORTED = "Work orders reported 报竣"
    SYNCED = "Outcomes on the platform 同步"
    ARCHIVED = "Evidence archived 归档"
    PUSHED = "Signed pushes received 广播"


class Teller(Protocol):
    """Whoever shows how far things are."""

    def __call__(self, count: Count, done: int, total: int) -> None: ...


@dataclass(frozen=True)
class Doors:
    """The services that the demo talks to."""

    gateway: Door
    platform: Door
    prefect: Door

    @property
    def all(self) -> tuple[Door, ...]:
        return self.gateway, self.platform, self.prefect


@contextmanager
def open_doors(stack: Stack, secrets: Mapping[str, str]) -> Iterator[Doors]:
    """The doors of a stack; no answer may hold one of the secrets."""
    key = stack.api_key
    with ExitStack() as opened:
        yield Doors(
            gateway=opened.enter_context(Door("gateway", stack.gateway_url, secrets, api_key=key)),
            platform=opened.enter_context(Door("platform", stack.platform_url, secrets)),
            prefect=opened.enter_context(Door("prefect", f"{stack.prefect_url}/api", secrets)),
        )


@contextmanager
def open_receivers() -> Iterator[Sequence[Receiver]]:
    """One receiver for each audience, listening."""
    with ExitStack() as opened:
        yield [opened.enter_context(Receiver(audience)) for audience in AUDIENCES]


@dataclass
class Performance:
    """What was sent, and what was answered at once."""

    orders: dict[str, Expected] = field(default_factory=dict)
    refusal: Mapping[str, Any] = field(default_factory=dict)
    repeated_as: str = ""
    cancellations: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def work_to_report(self) -> int:
        ends = (WorkOrderState.COMPLETED, WorkOrderState.FAILED)
        return sum(each.work_counts[end] for each in self.orders.values() for end in ends)

    def number_of(self, file: str) -> str:
        """The order number that a sample was given."""
        return next(no for no, each in self.orders.items() if each.sample.file == file)

    def pushes_to(self, receivers: Sequence[Receiver]) -> int:
        """How many pushes receivers should get, all together."""
        return sum(
            each.events_for(receiver.audience).total()
            for each in self.orders.values()
            for receiver in receivers
        )


def perform(
    doors: Doors, story: Sequence[Expected], receivers: Sequence[Receiver], tell: Teller
) -> Performance:
    """Send the story's orders and carry them to the last push; DemoFailed if they get stuck."""
    for receiver in receivers:
        register(doors.gateway, receiver)
    began = time.monotonic()
    done = send(doors.gateway, story, tell)
    _carry(doors.gateway, done, receivers, tell)
    done.seconds = time.monotonic() - began
    return done


def register(gateway: Door, receiver: Receiver) -> None:
    """Subscribe a receiver; the answer is the only one that shows its signing secret."""
    wanted = receiver.audience
    document = {
        "kind": wanted.kind,
        "name": wanted.name,
        "url": receiver.url,
        "agent": wanted.agent,
        "event_types": wanted.event_types,
    }
    receiver.secret = gateway.post("/subscribers", document)["secret"]


def send(gateway: Door, story: Sequence[Expected], tell: Teller) -> Performance:
    """Send all sample orders, then a malformed message and one of the orders again."""
    done = Performance()
    for each in story:
        sample = each.sample
        answer = gateway.send(ORDERS, sample.body, sample.media_type, agent=sample.agent)
        done.orders[answer["id"]] = each
        tell(Count.ACCEPTED, len(done.orders), len(story))
    done.refusal = gateway.send(ORDERS, read(MALFORMED), JSON, expect=400)
    done.repeated_as = gateway.send(ORDERS, read(DUPLICATE), JSON)["id"]
    return done


def _carry(gateway: Door, done: Performance, receivers: Sequence[Receiver], tell: Teller) -> None:
    crew, patience = _instructed(gateway, done), _Patience(gateway)
    while True:
        standing = look(gateway)
        _cancel_what_is_due(gateway, done, standing)
        busy = crew.turn(_for_the_crew(done, standing))
        received = sum(len(receiver.pushes) for receiver in receivers)
        _tell(done, standing, tell)
        tell(Count.REPORTED, crew.reported, done.work_to_report)
        tell(Count.PUSHED, received, done.pushes_to(receivers))
        if _reached(standing, Stage.BROADCAST) and received >= done.pushes_to(receivers):
            return
        patience.look_at(crew.reported, received, *standing.values())
        time.sleep(0 if busy else PAUSE_SECONDS)


def _instructed(gateway: Door, done: Performance) -> Crew:
    crew = Crew(gateway)
    for order_no, each in done.orders.items():
        crew.expect_setbacks(order_no, each.sample.setbacks)
    return crew


def _for_the_crew(done: Performance, standing: Mapping[str, Stage]) -> list[str]:
    """Orders whose work is handed out; nobody gets to the one that is being cancelled."""
    return [
        order_no
        for order_no, each in done.orders.items()
        if standing[order_no] is Stage.GENERATED and not each.sample.cancelled_because
    ]


def _tell(done: Performance, standing: Mapping[str, Stage], tell: Teller) -> None:
    for count, stage in ((Count.SYNCED, Stage.SYNCED), (Count.ARCHIVED, Stage.ARCHIVED)):
        so_far = sum(not each.is_before(stage) for each in standing.values())
        tell(count, so_far, len(done.orders))


def _reached(standing: Mapping[str, Stage], stage: Stage) -> bool:
    return not any(each.is_before(stage) for each in standing.values())


def look(gateway: Door) -> dict[str, Stage]:
    """The stage of every order; DemoFailed if one waits for an operator."""
    shown = gateway.get(ORDERS, fields="state,stage,waitingFor", limit=1000)
    for each in shown:
        if each.get("waitingFor", "").startswith(WaitingFor.OPERATOR):
            reason = f"{each['id']} waits for {each['waitingFor']}"
            raise DemoFailed(reason, logs=("worker", "gateway"))
    return {each["id"]: Stage(each["stage"]) for each in shown}


def _cancel_what_is_due(gateway: Door, done: Performance, standing: Mapping[str, Stage]) -> None:
    """Cancel an order when its work has been handed out: in flight, as a customer would."""
    for order_no, each in done.orders.items():
        because = each.sample.cancelled_because
        if because and standing[order_no] is Stage.GENERATED and order_no not in done.cancellations:
            document = {"serviceOrder": {"id": order_no}, "cancellationReason": because}
            done.cancellations[order_no] = gateway.post(CANCELLATIONS, document)["id"]


class _Patience:
    """Ends, with DemoFailed, when nothing has moved for two and a half minutes."""

    def __init__(self, gateway: Door) -> None:
        self._gateway = gateway
        self._last: tuple[Any, ...] = ()
        self._moved_at = time.monotonic()

    def look_at(self, *standing: Any) -> None:
        if standing != self._last:
            self._last, self._moved_at = standing, time.monotonic()
        elif time.monotonic() - self._moved_at > STALL_SECONDS:
            reason = f"nothing has moved for {STALL_SECONDS} s; {_waiting(self._gateway)}"
            raise DemoFailed(reason, logs=("worker", "gateway"))


def _waiting(gateway: Door) -> str:
    shown = gateway.get(ORDERS, fields="state,stage,waitingFor", limit=1000)
    stuck = [
        f"{each['id']} is {each['stage']}, waits for {each.get('waitingFor', 'a worker')}"
        for each in shown
        if each["stage"] != Stage.BROADCAST
    ]
    return "; ".join(stuck) or "pushes are missing: see `ordercast pushes list`"
