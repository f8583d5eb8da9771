"""An archive that tries again: short waits for what passes at once, no more."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from ordercast.archive.objects import Archive, EvidenceObject, StoredObject
from ordercast.domain.errors import TransientFault

TRIES = 3
TOTAL_SECONDS = 20

Answer = TypeVar("Answer")


class PatientArchive:
    """Another archive, asked up to three times within 20 s while its faults are transient.

    A try is not cut short: with the last one, a call may take 20 s and a request's timeout.
    """

    def __init__(self, archive: Archive, *, first_wait_seconds: float = 1) -> None:
        self.archive = archive
        self._first_wait_seconds = first_wait_seconds

    def put(self, evidence: EvidenceObject) -> None:
        self._patiently(lambda: self.archive.put(evidence))

    def get(self, bucket: str, key: str) -> bytes:
        return self._patiently(lambda: self.archive.get(bucket, key))

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        return self._patiently(lambda: self.archive.stat(bucket, key))

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        first = self._first_wait_seconds
        retrying = Retrying(
            retry=retry_if_exception_type(TransientFault),
            stop=stop_after_attempt(TRIES) | stop_before_delay(TOTAL_SECONDS),
            wait=wait_exponential(multiplier=first) + wait_random(0, first),
            reraise=True,
        )
        return retrying(ask)
