"""The subscriber of a benchmark: a real HTTP server that notes when it was told of an order."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.stack import BenchStack
from ordercast.contracts.subscriber import SubscriberKind
from ordercast.demo.receivers import Audience, Receiver


@dataclass
class Subscriber(Receiver):
    """Checks every signature; `told_at` is when the end of each order came in first."""

    told_at: dict[str, float] = field(default_factory=dict)

    def take(self, headers: dict[str, str], body: str) -> int:
        """Keep the time of a push whose signature is right; the status to answer."""
        at = time.monotonic()
        status = super().take(headers, body)
        if status < 300:
            self.told_at.setdefault(json.loads(body)["subject"], at)
        return status


@contextmanager
def subscribed(bench: BenchStack) -> Iterator[Subscriber]:
    """A subscriber who is told how every order ended."""
    audience = Audience(SubscriberKind.PUBLIC, "benchmark")
    with Subscriber(audience) as subscriber:
        document = {"kind": audience.kind, "name": audience.name, "url": subscriber.url}
        answer = bench.gateway.post("/subscribers", json=document).raise_for_status()
        subscriber.secret = answer.json()["secret"]
        yield subscriber
