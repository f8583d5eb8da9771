"""What a receiver answered to an attempt, or why it did not."""

from dataclasses import dataclass

from ordercast.delivery.verdicts import Reason

KEPT_BYTES = 1024


@dataclass(frozen=True)
class Answer:
    """The status and the beginning of the body; else the fault and what it said.

    A broker has no status: it has confirmed a message, or there was a fault.
    """

    duration_ms: int
    status: int | None = None
    body: str = ""
    retry_after: str | None = None
    fault: Reason | None = None
    is_confirmed: bool = False

    @property
    def kept(self) -> str:
        """What the ledger keeps of the body: its first 1 kB, fit for any database."""
        first = self.body.encode(errors="replace")[:KEPT_BYTES]
        return first.decode(errors="ignore").replace("\x00", "\N{REPLACEMENT CHARACTER}")
