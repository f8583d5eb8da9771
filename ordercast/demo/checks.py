"""The checks: what was found compared with what the story expects."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ordercast.demo.findings import Findings
from ordercast.demo.performance import Performance
from ordercast.demo.receivers import Audience
from ordercast.demo.story import DUPLICATE, Expected
from ordercast.domain.order import OrderState
from ordercast.store.commands import CommandState
from ordercast.store.pushes import DeliveryState

RUN_STATES = {
    OrderState.COMPLETED: "Completed",
    OrderState.CANCELLED: "Cancelled",
    OrderState.PARTIAL: "Partial",
    OrderState.FAILED: "OrderFailed",
    OrderState.REJECTED: "Rejected",
}
"""How the Prefect UI shows each outcome."""


@dataclass(frozen=True)
class Check:
    """One thing that was compared: the fact in words, and all that is not so."""

    fact: str
    faults: tuple[str, ...]
    logs: tuple[str, ...]


def checks(done: Performance, seen: Findings) -> list[Check]:
    """Compare everything; a check without faults holds."""
    compared = (
        (_orders(done), order_faults(done, seen), ("worker", "gateway")),
        (_work(done), work_faults(done, seen), ("worker", "gateway")),
        ("each order is one Prefect flow run", run_faults(done, seen), ("worker", "prefect")),
        ("the business platform holds the same", platform_faults(done, seen), ("platform",)),
        (f"archive verify: {seen.verified.said}", archive_faults(done, seen), ("worker",)),
        (_pushes(seen), push_faults(done, seen), ("gateway",)),
        (_refusal(done), refusal_faults(done, seen), ("gateway",)),
        (f"the duplicate is {done.repeated_as}", duplicate_faults(done, seen), ("gateway",)),
        ("the cancellation was carried out", cancel_faults(seen), ("gateway",)),
        (_secrets(seen), iter(seen.leaks), ("gateway",)),
    )
    return [Check(fact, tuple(faults), logs) for fact, faults, logs in compared]


def order_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """Orders whose state, or whose lines' states, are not as expected."""
    for order_no, wanted in done.orders.items():
        shown = seen.orders[order_no]
        lines = Counter(line["state"] for line in shown["serviceOrderItem"])
        if shown["state"] != wanted.state or lines != wanted.line_counts:
            yield (
                f"{_name(order_no, wanted)} is {shown['state']} (lines: {_listed(lines)}), "
                f"not {wanted.state} ({_listed(wanted.line_counts)})"
            )


def work_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """Orders whose work orders are not as many, or not in the states, that they should be."""
    for order_no, wanted in done.orders.items():
        if seen.work[order_no] != wanted.work_counts:
            yield (
                f"{_name(order_no, wanted)} has work orders {_listed(seen.work[order_no])}, "
                f"not {_listed(wanted.work_counts)}"
            )


def run_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """Orders without exactly one flow run that ended like them, and runs without an order."""
    for order_no, wanted in done.orders.items():
        states, ending = seen.runs.get(order_no, ()), RUN_STATES[wanted.state]
        if list(states) != [ending]:
            found = ", ".join(states) or "none"
            yield f"{_name(order_no, wanted)} has the flow runs: {found}; not one {ending}"
    for order_no in seen.runs.keys() - done.orders.keys():
        yield f"the flow run {order_no} is of no order that was sent"


def platform_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """Orders whose outcome on the business platform is missing or another one."""
    for order_no, wanted in done.orders.items():
        outcome = seen.outcomes.get(order_no)
        if outcome is None:
            yield f"{_name(order_no, wanted)} is not on the platform"
        elif (outcome["state"], outcome["counts"]) != (wanted.state, wanted.line_counts):
            yield f"{_name(order_no, wanted)} is {outcome['state']} there, not {wanted.state}"


def archive_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """Orders without evidence, and what `ordercast archive verify` complained of."""
    for order_no, wanted in done.orders.items():
        if order_no not in seen.objects:
            yield f"{_name(order_no, wanted)} has no archive object"
    if not seen.verified.is_clean:
        yield seen.verified.said


def push_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """Events that a receiver missed, got twice or should not have got; and bad signatures."""
    for forged in seen.forged:
        yield f"a signature does not hold: {forged}"
    for audience, received in seen.received.items():
        times = Counter(each.event_id for each in received)
        for event_id, count in times.items():
            if count > 1:
                yield f"{audience.name} got event {event_id} {count} times"
        got = Counter((each.order_no, each.type) for each in received)
        yield from _unlike(audience, got, told_to(audience, done.orders))
    for push in seen.pushes:
        if push["state"] != DeliveryState.DELIVERED:
            to = push["subscriber"]["name"]
            yield f"{push['event']['type']} of {push['order_no']} to {to} is {push['state']}"


def told_to(audience: Audience, orders: Mapping[str, Expected]) -> Counter[tuple[str, str]]:
    """How often someone should be told of each type of event of each order."""
    return Counter(
        {
            (order_no, event_type): count
            for order_no, wanted in orders.items()
            for event_type, count in wanted.events_for(audience).items()
        }
    )


def _unlike(
    audience: Audience, got: Counter[tuple[str, str]], wanted: Counter[tuple[str, str]]
) -> Iterator[str]:
    for order_no, event_type in sorted(got.keys() | wanted.keys()):
        have, want = got[order_no, event_type], wanted[order_no, event_type]
        if have != want:
            yield f"{audience.name} got {event_type} of {order_no} {have} times, not {want}"


def refusal_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """The malformed message, unless it is kept with the very reasons that were answered."""
    message_id, problems = done.refusal.get("messageId"), done.refusal.get("problems")
    kept = {each["id"]: each for each in seen.refused}.get(message_id or "")
    if not problems:
        yield "the refusal of the malformed message names no problem"
    if kept is None:
        yield f"the malformed message {message_id} is not listed in /inbox"
    elif kept["problems"] != problems:
        yield f"/inbox gives other reasons for {message_id} than its sender was told"


def duplicate_faults(done: Performance, seen: Findings) -> Iterator[str]:
    """The order sent again, unless it was answered with the first one's number and noted."""
    first = done.number_of(DUPLICATE)
    if done.repeated_as != first:
        yield f"the order sent again was answered as {done.repeated_as}, not as {first}"
    if [each["order_no"] for each in seen.duplicates] != [first]:
        yield f"/inbox does not show one duplicate, of {first}"


def cancel_faults(seen: Findings) -> Iterator[str]:
    """Cancellations that were not carried out."""
    if not seen.cancellations:
        yield "no order was cancelled"
    for order_no, shown in seen.cancellations.items():
        if shown["state"] != CommandState.DONE:
            yield f"the cancellation of {order_no} is {shown['state']}"


def _name(order_no: str, wanted: Expected) -> str:
    return f"{order_no} ({wanted.sample.file})"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in Counter(counts).most_common())


def _orders(done: Performance) -> str:
    states = Counter(str(each.state) for each in done.orders.values())
    return f"{len(done.orders)} orders ended as they should: {_listed(states)}"


def _work(done: Performance) -> str:
    counts: Counter[str] = Counter()
    for each in done.orders.values():
        counts += each.work_counts
    return f"{counts.total():,} work orders: {_listed(counts)}; none is open"


def _pushes(seen: Findings) -> str:
    count = sum(len(received) for received in seen.received.values())
    return f"{count} pushes to {len(seen.received)} receivers, each once, every signature valid"


def _refusal(done: Performance) -> str:
    reasons = len(done.refusal.get("problems", ()))
    return f"the malformed message is kept as {done.refusal.get('messageId')}, {reasons} reasons"


def _secrets(seen: Findings) -> str:
    return (
        f"no SIM key, PIN or identity number in {seen.searched:,} answers and pushes, nor in logs"
    )
