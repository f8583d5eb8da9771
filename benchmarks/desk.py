"""How long the desk's pages take over 100,000 orders: `python -m benchmarks.desk`.

The gateway's application in this process, asked for each page some times over; of each the
median, and of all the slowest page. Every page is that of a filter which finds much, little or
nothing, or of an order with one line or with ten thousand.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median

from fastapi.testclient import TestClient

from benchmarks.databases import Databases, databases
from benchmarks.desk_stock import stock
from benchmarks.own_database import own_database
from benchmarks.telling import machine, say, tell_figures
from config.settings import settings
from ordercast.domain.people import Role
from ordercast.services.gateway.app import create_app
from ordercast.store import subscribers, users
from ordercast.store.engine import database
from tests.orders import named, plan_change, waiting

NAME, PASSWORD = "bench", "battery horse staple"

ORDERS = {
    "all": "",
    "page 20": "?page=20",
    "typed number": "?q={parked}",
    "begun number": "?q=ord-2026",
    "unknown phone number": "?q=13800000000",
    "unknown card": "?q=89860000000000000000",
    "agent's id": "?q=po-completed-1",
    "in progress": "?state=inProgress",
    "failed": "?state=failed",
    "rejected": "?state=rejected",
    "agent": "?agent=agent-3",
    "frequent tag": "?tag=activation",
    "unknown tag": "?tag=porting",
    "frequent product": "?product=plan-change",
    "rare product": "?product=termination",
    "waits for work": "?waiting=work-orders",
    "parked": "?waiting=parked",
    "waits for a person": "?waiting=operator",
    "last hour": "?since=1h",
    "all at once": "?state=failed&product=plan-change&agent=agent-2&since=7d&page=2",
}
ONE = {
    "order that waits": "/{half_done}",
    "order that failed": "/{failed}",
    "order that ended": "/{completed}",
    "order that is stuck": "/{stuck}",
    "batch": "/{batch}",
    "batch, last lines": "/{batch}?lines=500&line=9999",
    "batch, by state": "/{batch}?state=inProgress&lines=250",
}
WORK = {
    "all": "",
    "page 100": "?page=100",
    **{shelf: f"?shelf={shelf}" for shelf in ("ready", "claimed", "blocked", "overdue")},
    "a system's": "?system=crm",
    "a system's, overdue": "?system=crm&shelf=overdue",
    "one": "/{work_order}",
}
FALLOUT = {
    "causes": "",
    "causes of a week": "?span=week",
    "causes by product and agent": "?apart=product&apart=agent",
    "failed work": "/cause?trouble=work-order&what=C-17&who=crm",
    "failed work, page 40": "/cause?trouble=work-order&what=C-17&who=crm&page_no=40",
    "parked": "/cause?trouble=parked",
    "stuck": "/cause?trouble=run",
}
SUBSCRIBERS = {
    "all": "",
    "one": "/{subscriber}",
    "one, delivered": "/{subscriber}?state=delivered",
    "one, pending": "/{subscriber}?state=pending",
    "one, page 100": "/{subscriber}?page_no=100",
}
PLACES = {
    "orders": ("orders", ORDERS),
    "order": ("orders", ONE),
    "work orders": ("work-orders", WORK),
    "fallout": ("fallout", FALLOUT),
    "subscribers": ("subscribers", SUBSCRIBERS),
}


def pages(made: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The pages that are measured: a name, and the address."""
    for place, (path, some) in PLACES.items():
        for name, rest in some.items():
            yield f"{place}: {name}", f"/desk/{path}{rest.format(**made)}"
    yield "audit log", "/desk/audit"


def main() -> None:
    """Measure, and print the figures as JSON."""
    asked = _arguments()
    with databases() as best:
        chosen = Databases() if asked.sqlite else best
        with _prepared(chosen, asked.orders, asked.lines) as made:
            say(f"{chosen.name}; {machine()}")
            figures = _measured(made, asked.times)
            say(f"{chosen.name}; {machine()}")
    tell_figures("desk", figures)


def _measured(made: Mapping[str, str], times: int) -> Mapping[str, float]:
    took: dict[str, float] = {}
    with TestClient(create_app(), base_url=settings().gateway_url) as http:
        form = {"name": NAME, "password": PASSWORD}
        http.post("/desk/sign-in", data=form).raise_for_status()
        for name, path in pages(made):
            each = [_seconds(http, path) for _ in range(times)]
            took[name] = median(each) * 1000
            say(f"{took[name]:6.0f} ms (at most {max(each) * 1000:.0f})  {name}")
    slowest = max(took, key=lambda name: took[name])
    say(f"slowest: {slowest}")
    return {"slowest_ms": took[slowest], "median_ms": median(took.values())}


def _seconds(http: TestClient, path: str) -> float:
    began = time.perf_counter()
    answer = http.get(path)
    took = time.perf_counter() - began
    answer.raise_for_status()
    return took


@contextmanager
def _prepared(chosen: Databases, orders: int, lines: int) -> Iterator[Mapping[str, str]]:
    with own_database("desk", chosen):
        users.add(database(), NAME, role=Role.ADMIN, password=PASSWORD)
        made = stock(orders)
        say(f"an order of {lines:,} lines")
        made["batch"] = waiting(plan_change(lines=lines))[0]
        made["work_order"] = named(made["half_done"], "contract-check").id
        with database().read() as session:
            made["subscriber"] = subscribers.listing(session, limit=1, offset=0)[1][0].id
        yield made


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.desk", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=10_000, help="of the batch")
    parser.add_argument("--times", type=int, default=5, help="that each page is asked for")
    parser.add_argument("--sqlite", action="store_true", help="even where there is PostgreSQL")
    return parser.parse_args()


if __name__ == "__main__":
    main()
