"""What the doctor says of a broker and its queues, whichever broker it is."""

from dataclasses import dataclass

from ordercast.doctor.findings import Finding, note

PART = "broker"
ASKED_SECONDS = 10


@dataclass(frozen=True)
class Waiting:
    """A queue as it was found: how many messages wait in it, and who takes them, if known."""

    name: str
    messages: int
    takers: int | None = None


def unreachable(address: str, fault: BaseException) -> Finding:
    """A broker that does not answer."""
    words = " ".join(str(fault).split()) or type(fault).__name__
    cure = "see that it runs, and that ORDERCAST_BROKER__URL leads to it"
    return Finding(PART, f"{address} does not answer: {words}", cure)


def refused(address: str, why: str, cure: str) -> Finding:
    """A broker that answers, and lets us do nothing."""
    return Finding(PART, f"{address} refuses: {why}", cure)


def of_queue(found: Waiting) -> Finding:
    """A queue that orders or reports come by: messages that nobody takes are a fault."""
    takers = "" if found.takers is None else f", {found.takers} consumers"
    nobody = found.messages > 0 and found.takers == 0
    cure = "start one: `ordercast serve listener`" if nobody else ""
    return Finding(PART, f"{found.name}: {found.messages} messages wait{takers}", cure)


def of_dead_letters(found: Waiting) -> Finding:
    """The dead letters: some are no fault of the broker, and somebody should read them."""
    if not found.messages:
        return Finding(PART, f"{found.name}: no dead letters")
    cure = "read why: `ordercast inbox list --outcome refused`"
    return note(PART, f"{found.name}: {found.messages} dead letters", cure)


def not_there(name: str, *, may_declare: bool, cure: str) -> Finding:
    """A queue that is not there: the first listener makes it, if it may."""
    if may_declare:
        return Finding(PART, f"{name} is not there yet: the listener makes it")
    return Finding(PART, f"{name} is not there, and may not be made", cure)
