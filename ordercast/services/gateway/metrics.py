"""Metrics for Prometheus: read from the database, so that every gateway tells the same."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ordercast.services.gateway.access import Overseeing
from ordercast.services.gateway.callers import turned_away
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.measuring import Figures, Told, figures

router = APIRouter(tags=["health"])

KEPT_SECONDS = 10
QUANTILES = (0.5, 0.99)
TIMES = "ordercast_time_to_told_seconds"


class Measured:
    """The figures, read again when they are older than 10 s; one thread reads, others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[float, Figures] | None = None

    def get(self) -> Figures:
        """Figures that are at most 10 s old."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_SECONDS:
                with database().read() as session:
                    self._kept = time.monotonic(), figures(session, now=now())
            return self._kept[1]

    def forget(self) -> None:
        """Read them anew at the next question."""
        self._kept = None


measured = Measured()


class Ledger(Collector):
    """The figures in Prometheus's words."""

    def __init__(self, found: Figures) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        found = self._found
        yield _labelled("ordercast_orders", "Orders by state.", "state", found.orders)
        yield GaugeMetricFamily(
            "ordercast_orders_in_flight", "Versions of orders that have not ended.", found.in_flight
        )
        yield _labelled(
            "ordercast_orders_waiting",
            "Orders in flight by what they wait for.",
            "reason",
            found.waiting,
        )
        yield _labelled(
            "ordercast_pushes",
            "Pushes by state, all but those delivered.",
            "state",
            found.deliveries,
        )
        yield GaugeMetricFamily(
            "ordercast_pushes_delivered_last_hour",
            "Pushes of the last hour's events that are delivered.",
            found.delivered,
        )
        yield GaugeMetricFamily(
            "ordercast_oldest_due_seconds",
            "How long the oldest push waits that could be sent.",
            found.oldest_due_seconds,
        )
        yield from _times(found.told)


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _times(told: Sequence[Told]) -> Iterator[Metric]:
    labels = ["subscriber", "name"]
    times = GaugeMetricFamily(
        TIMES,
        "From seal to acknowledgement, the last hour's outcomes.",
        labels=[*labels, "quantile"],
    )
    counts = GaugeMetricFamily(
        f"{TIMES}_count", "The outcomes that the quantiles are of.", labels=labels
    )
    for each in told:
        key = [each.subscriber_id, each.name]
        counts.add_metric(key, len(each.seconds))
        for share in QUANTILES:
            times.add_metric([*key, str(share)], each.quantile(share))
    yield times
    yield counts


@router.get("/metrics")
def metrics(_caller: Overseeing, request: Request) -> Response:
    """Orders, pushes and times to told, as Prometheus reads them; at most 10 s old."""
    registry = CollectorRegistry()
    registry.register(Ledger(measured.get()))
    registry.register(turned_away)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), media_type=media_type)
