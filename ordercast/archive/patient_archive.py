"""An archive that tries again: short waits for what passes at once, no more."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from config.bucket_rules import BucketRules
from ordercast.archive.objects import Archive, Buckets, BucketState, EvidenceObject, StoredObject
from ordercast.domain.errors import TransientFault

TRIES = 3
TOTAL_SECONDS = 20

Answer = TypeVar("Answer")


class Patience:
    """Asks up to three times within 20 s while what comes back is a transient fault.

    A try is not cut short: with the last one, a call may take 20 s and a request's timeout.
    """

    def __init__(self, first_wait_seconds: float = 1) -> None:
        self._first = first_wait_seconds

    def __call__(self, ask: Callable[[], Answer]) -> Answer:
        retrying = Retrying(
            retry=retry_if_exception_type(TransientFault),
            stop=stop_after_attempt(TRIES) | stop_before_delay(TOTAL_SECONDS),
            wait=wait_exponential(multiplier=self._first) + wait_random(0, self._first),
            reraise=True,
        )
        return retrying(ask)


class PatientArchive:
    """Another archive, asked with patience."""

    def __init__(self, archive: Archive, *, first_wait_seconds: float = 1) -> None:
        self.archive = archive
        self._patiently = Patience(first_wait_seconds)

    @property
    def buckets(self) -> Buckets | None:
        found = self.archive.buckets
        return None if found is None else PatientBuckets(found, self._patiently)

    def put(self, evidence: EvidenceObject) -> None:
        self._patiently(lambda: self.archive.put(evidence))

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        return self._patiently(lambda: self.archive.stat(bucket, key))

    def read(self, bucket: str, key: str, *, offset: int = 0) -> Iterator[bytes]:
        """The pieces of an object; one that broke off is read on from where it did."""
        pieces = self.archive.read(bucket, key, offset=offset)

        def next_piece() -> bytes | None:
            nonlocal pieces
            try:
                return next(pieces, None)
            except TransientFault:
                pieces = self.archive.read(bucket, key, offset=offset)
                raise

        while (piece := self._patiently(next_piece)) is not None:
            offset += len(piece)
            yield piece


class PatientBuckets:
    """The buckets of another archive, asked with patience."""

    def __init__(self, buckets: Buckets, patiently: Patience) -> None:
        self._buckets, self._patiently = buckets, patiently

    def state(self, bucket: str, rules: BucketRules) -> BucketState:
        return self._patiently(lambda: self._buckets.state(bucket, rules))

    def apply(self, bucket: str, rules: BucketRules) -> None:
        self._patiently(lambda: self._buckets.apply(bucket, rules))
