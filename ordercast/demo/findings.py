"""What is found behind every door when all orders have been told."""

import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ordercast.demo.doors import Door, found
from ordercast.demo.failing import DemoFailed
from ordercast.demo.performance import CANCELLATIONS, ORDERS, Doors, Performance
from ordercast.demo.receivers import Audience, Receiver
from ordercast.demo.stack import Stack
from ordercast.domain.work_order import WorkOrderState
from ordercast.store.pushes import DeliveryState

MOST = 1000
SETTLE_SECONDS = 60
COMMAND_SECONDS = 120
RUNS_OF_ORDERS = {"deployments": {"name": {"any_": ["order"]}}, "limit": 200}
RUNNING = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")


@dataclass(frozen=True)
class Received:
    """A push that a receiver has kept: which event, of which order, of which type."""

    event_id: str
    order_no: str
    type: str


@dataclass(frozen=True)
class Verified:
    """What `ordercast archive verify` said, and whether it found all whole."""

    is_clean: bool
    said: str


@dataclass(frozen=True)
class Findings:
    """All that was found; what is by order is keyed by its number."""

    orders: Mapping[str, Mapping[str, Any]]
    work: Mapping[str, Counter[str]]
    outcomes: Mapping[str, Mapping[str, Any]]
    objects: Mapping[str, Mapping[str, Any]]
    verified: Verified
    runs: Mapping[str, Sequence[str]]
    pushes: Sequence[Mapping[str, Any]]
    received: Mapping[Audience, Sequence[Received]]
    forged: Sequence[str]
    refused: Sequence[Mapping[str, Any]]
    duplicates: Sequence[Mapping[str, Any]]
    cancellations: Mapping[str, Mapping[str, Any]]
    leaks: Sequence[str]
    searched: int


def gather(
    stack: Stack,
    doors: Doors,
    done: Performance,
    receivers: Sequence[Receiver],
    secrets: Mapping[str, str],
) -> Findings:
    """Look behind every door; the archive is asked by the command line, as operators do."""
    verifying, finding = (_command(stack, *words) for words in (VERIFY, FIND))
    runs, gateway = _settled(doors), doors.gateway
    seen = {
        "orders": {no: gateway.get(f"{ORDERS}/{no}") for no in done.orders},
        "work": {no: _work(gateway, no) for no in done.orders},
        "outcomes": {each["order_no"]: each for each in _outcomes(doors.platform, done.orders)},
        "runs": runs,
        "pushes": gateway.get("/pushes", limit=MOST),
        "refused": gateway.get("/inbox", outcome="refused"),
        "duplicates": gateway.get("/inbox", outcome="duplicate"),
        "cancellations": _cancellations(gateway, done.cancellations),
        "objects": _objects(finding),
        "verified": _verified(verifying),
    }
    _search_artifacts(doors.prefect)
    leaks = [leak for door in doors.all for leak in door.leaks]
    leaks += _leaks_in_pushes(receivers, secrets) + _leaks_in_logs(stack, secrets)
    return Findings(
        **seen,
        received={receiver.audience: _received(receiver) for receiver in receivers},
        forged=[each for receiver in receivers for each in receiver.forged],
        leaks=leaks,
        searched=sum(door.answers for door in doors.all) + _count(receivers),
    )


FIND = ("archive", "find", "--json", "--limit", str(MOST))
VERIFY = ("archive", "verify")


def _command(stack: Stack, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
        [sys.executable, "-m", "ordercast", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(stack.environment),
    )


def _said(command: "subprocess.Popen[str]") -> tuple[int, str, str]:
    try:
        said, complained = command.communicate(timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        command.kill()
        command.wait()
        raise DemoFailed(f"no answer within {COMMAND_SECONDS} s: {command.args}") from None
    return command.returncode, said, complained


def _objects(finding: "subprocess.Popen[str]") -> dict[str, Mapping[str, Any]]:
    status, said, complained = _said(finding)
    if status:
        raise DemoFailed(f"`ordercast archive find` ended with status {status}: {complained}")
    return {each["order_no"]: each for each in json.loads(said)}


def _verified(verifying: "subprocess.Popen[str]") -> Verified:
    status, said, complained = _said(verifying)
    return Verified(is_clean=status == 0, said=(said if status == 0 else said + complained).strip())


def _settled(doors: Doors) -> dict[str, list[str]]:
    """The states of each order's flow runs, when all have ended and no push is on its way."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        runs = doors.prefect.post("/flow_runs/filter", RUNS_OF_ORDERS, expect=200)
        pending = doors.gateway.count("/pushes", state=DeliveryState.PENDING)
        still_running = any(run["state_type"] in RUNNING for run in runs)
        if time.monotonic() > deadline or not (pending or still_running):
            return _states_by_order(runs)
        time.sleep(0.2)


def _states_by_order(runs: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    states: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        states[run["name"].split(" ")[0]].append(run["state_name"])
    return dict(states)


def _work(gateway: Door, order_no: str) -> Counter[str]:
    counts = {
        state: gateway.count("/work-orders", order_no=order_no, state=state)
        for state in WorkOrderState
    }
    return Counter({state: count for state, count in counts.items() if count})


def _outcomes(platform: Door, order_nos: Iterable[str]) -> list[Mapping[str, Any]]:
    held = {each["order_no"] for each in platform.get("/orders", limit=MOST)}
    return [platform.get(f"/orders/{no}") for no in order_nos if no in held]


def _cancellations(gateway: Door, asked: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    return {no: gateway.get(f"{CANCELLATIONS}/{each}") for no, each in asked.items()}


def _search_artifacts(prefect: Door) -> None:
    prefect.post("/artifacts/filter", {"limit": 200}, expect=200)


def _received(receiver: Receiver) -> list[Received]:
    return [
        Received(push.event_id, push.event["subject"], _plain_type(push.event["type"]))
        for push in receiver.pushes
    ]


def _plain_type(wire_type: str) -> str:
    return wire_type.removeprefix("com.ordercast.").removesuffix(".v1")


def _count(receivers: Iterable[Receiver]) -> int:
    return sum(len(receiver.pushes) for receiver in receivers)


def _leaks_in_pushes(receivers: Iterable[Receiver], secrets: Mapping[str, str]) -> list[str]:
    return [
        f"{name} in a push to {receiver.audience.name}"
        for receiver in receivers
        for push in receiver.pushes
        for name in found(secrets, push.body)
    ]


def _leaks_in_logs(stack: Stack, secrets: Mapping[str, str]) -> list[str]:
    return [
        f"{name} in {log.name}"
        for log in sorted((stack.home / "logs").glob("*.log"))
        for name in found(secrets, log.read_text(encoding="utf-8", errors="replace"))
    ]
