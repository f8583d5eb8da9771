"""Misbehaving on purpose: what a receiver may do wrong, for trying how that is dealt with."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from ordercast.contracts.subscriber import Acknowledgement

RETRY_AFTER_SECONDS = 5


class Misbehaviour(StrEnum):
    """What a receiver does instead of taking a push."""

    SLOW = "slow"
    SERVER_ERROR = "500"
    BUSY = "429"
    WRONG_ACK = "wrong-ack"
    DROP = "drop"
    GONE = "410"


@dataclass(frozen=True)
class Reply:
    """What is answered; without a status the connection is dropped. Rests before, if it says so."""

    status: int | None
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    rest_seconds: float = 0


TAKEN: Mapping[Acknowledgement, Reply] = {
    Acknowledgement.STATUS: Reply(204),
    Acknowledgement.ERRCODE_ZERO: Reply(200, '{"errcode":0,"errmsg":"ok"}'),
    Acknowledgement.CODE_ZERO: Reply(200, '{"code":0,"msg":"success"}'),
    Acknowledgement.BODY_SUCCESS: Reply(200, "success"),
}
"""How a receiver says that it has taken a push, by the rule that its subscriber has."""


@dataclass
class Manners:
    """How a receiver behaves: `share` of the pushes are met with the misbehaviour, by chance."""

    acknowledgement: Acknowledgement = Acknowledgement.STATUS
    misbehaviour: Misbehaviour | None = None
    share: float = 1.0
    slow_seconds: float = 20
    chance: Callable[[], float] = field(default_factory=lambda: Random().random)  # noqa: S311
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self) -> tuple[Reply, Misbehaviour | None]:
        """What the next push is answered, and the misbehaviour if it is one."""
        with self._lock:
            is_well = self.misbehaviour is None or self.chance() >= self.share
        if is_well or self.misbehaviour is None:
            return TAKEN[self.acknowledgement], None
        return self._wrong(self.misbehaviour), self.misbehaviour

    def _wrong(self, what: Misbehaviour) -> Reply:
        taken = TAKEN[self.acknowledgement]
        replies = {
            Misbehaviour.SLOW: Reply(taken.status, taken.body, rest_seconds=self.slow_seconds),
            Misbehaviour.SERVER_ERROR: Reply(500, "out of order on purpose"),
            Misbehaviour.BUSY: Reply(429, "", {"retry-after": str(RETRY_AFTER_SECONDS)}),
            Misbehaviour.WRONG_ACK: Reply(200, '{"errcode":93000,"code":93000,"msg":"refused"}'),
            Misbehaviour.DROP: Reply(None),
            Misbehaviour.GONE: Reply(410, "gone on purpose"),
        }
        return replies[what]
