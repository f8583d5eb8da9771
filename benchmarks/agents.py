"""The agents of a benchmark: they submit orders over HTTP, several at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx

from benchmarks.stack import BenchStack

ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
CONNECTIONS = 4

_numbers = count(8613_000_000_001)


def plan_change() -> dict[str, Any]:
    """An order with one line and four work orders, in three ranks, on a number of its own."""
    given = {"msisdn": str(next(_numbers)), "plan": "family-5g-99", "region": "shanghai"}
    named = [{"name": name, "value": value} for name, value in given.items()]
    service = {"serviceSpecification": {"id": "plan-change"}, "serviceCharacteristic": named}
    line = {"id": "1", "action": "modify", "service": service}
    return {"externalId": f"bench-{given['msisdn']}", "serviceOrderItem": [line]}


def submit(bench: BenchStack, orders: int) -> Iterator[str]:
    """Submit so many orders over four connections; their numbers, as they are answered."""
    documents = [plan_change() for _ in range(orders)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        yield from threads.map(lambda each: submit_one(bench.gateway, each), documents)


def submit_one(gateway: httpx.Client, document: dict[str, Any]) -> str:
    """Submit an order; its number."""
    return str(gateway.post(ORDERS, json=document).raise_for_status().json()["id"])
