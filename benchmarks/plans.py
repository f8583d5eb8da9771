"""How the loops read a full database: `python -m benchmarks.plans`, on PostgreSQL.

Each loop's own function runs once over a million work orders and more, what it executes is
caught, rolled back, and explained: which index each statement takes, how long it is at work,
and whether it reads a large table from end to end. Prints a table in Markdown before the
figures.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from benchmarks import desk_stock
from benchmarks.databases import Databases, databases
from benchmarks.desk_stock import stock
from benchmarks.own_database import own_database
from benchmarks.telling import machine, say, tell_figures
from ordercast.contracts.replay import NewReplay, Replayable
from ordercast.contracts.subscriber import SubscriberState
from ordercast.delivery import breaker
from ordercast.store import (
    alert_sending,
    changes,
    claims,
    commands,
    erasing,
    fallout,
    feed,
    feed_reading,
    forecasts,
    overdue,
    push_leases,
    reconciling,
    recovering,
    relaying,
    replaying,
    replays,
    subscriber_health,
    telling_lines,
    waiting_long,
    withdrawing,
)
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.measuring import figures as measured
from tests.store.plans import noted

SHARES = {
    desk_stock.still_waiting: 0.1,
    desk_stock.half_done: 0.1,
    desk_stock.completed: 0.75,
    desk_stock.failed: 0.04,
    desk_stock.parked: 0.005,
    desk_stock.stuck: 0.005,
}
"""How large a part each kind has: one order of five is in flight."""

LARGE = 10_000
"""So many rows make a table large."""

PREPARED = (
    # All runs in flight are suspended, but for those that the relay is to see to.
    "UPDATE order_run SET launch_at = NULL, wake_at = NULL, token = NULL, flow_run_id ="
    " gen_random_uuid()",
    "UPDATE order_run SET launch_at = now(), flow_run_id = NULL WHERE (order_no, version) IN"
    " (SELECT order_no, version FROM order_run WHERE ended_at IS NULL ORDER BY order_no LIMIT 500)",
    "UPDATE order_run SET wake_at = now() WHERE (order_no, version) IN (SELECT order_no, version"
    " FROM order_run WHERE ended_at IS NULL AND flow_run_id IS NOT NULL ORDER BY order_no DESC"
    " LIMIT 200)",
    "UPDATE order_run SET artifact_at = now() WHERE wake_at IS NOT NULL",
    "UPDATE order_run SET token = 'gone', worker = 'gone' WHERE (order_no, version) IN (SELECT"
    " order_no, version FROM order_run WHERE ended_at IS NULL ORDER BY order_no OFFSET 1000"
    " LIMIT 20)",
    # A third of the pushes waits for subscribers who do not answer, some are due.
    "UPDATE push_delivery SET state = 'delivered', ended_at = now(), due_at = NULL WHERE"
    " hashtext(id::text) % 3 <> 0",
    "UPDATE push_delivery SET due_at = now() + interval '1 hour' WHERE state = 'pending' AND"
    " hashtext(id::text) % 300 <> 0",
    "UPDATE push_delivery SET state = 'gave-up' WHERE ended_at IS NOT NULL AND"
    " hashtext(id::text) % 500 = 1",
    "UPDATE push_event SET position = NULL WHERE hashtext(id::text) % 500 = 0",
    # Some work is overdue.
    "UPDATE work_order SET due_at = now() - interval '1 hour' WHERE hashtext(id) % 400 = 0",
    "UPDATE order_forecast SET look_at = now() - interval '1 minute' WHERE"
    " hashtext(order_no) % 400 = 0",
)


@dataclass
class Seen:
    """What the plans of one loop's statements tell."""

    milliseconds: float = 0
    indexes: dict[str, None] = field(default_factory=dict)
    read_whole: dict[str, None] = field(default_factory=dict)

    def add(self, plan: Mapping[str, Any], large: frozenset[str]) -> None:
        if name := plan.get("Index Name"):
            self.indexes[name] = None
        if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in large:
            self.read_whole[plan["Relation Name"]] = None
        for each in plan.get("Plans", ()):
            self.add(each, large)


EXPLAINED = ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")

Loop = Callable[[Session], object]


def loops(subscriber_id: str) -> Iterator[tuple[str, str, Loop]]:
    """Each loop: what it does, how often, and its function."""
    at, soon, daily = now(), "nudge, 0.5 s", "nightly"
    day_ago = at - timedelta(days=1)
    yield (
        "launch 100 of 500 runs",
        soon,
        lambda s: relaying.lease_launches(s, limit=100, lease_seconds=30),
    )
    yield "wake 50 of 200 runs", soon, lambda s: relaying.lease_wakes(s, limit=50)
    yield (
        "artifacts to write, 20 of 200",
        "0.5 s",
        lambda s: relaying.lease_artifacts(s, limit=20),
    )
    yield "commands that are due", soon, lambda s: commands.lease_due(s, limit=50, lease_seconds=30)
    yield (
        "lines of batches to tell of",
        soon,
        lambda s: telling_lines.due_orders(s, before=at, limit=50),
    )
    yield (
        "a replay that goes on",
        soon,
        lambda s: replaying.carry_on(s, now=now(), most_waiting=1000),
    )
    yield (
        "subscribers to whom something is due",
        soon,
        lambda s: push_leases.due_subscribers(s, now=at),
    )
    yield (
        "lease what is due to them",
        soon,
        lambda s: push_leases.lease_due(s, now=now(), limit=100, lease_seconds=30, holder="plans"),
    )
    yield "number new events for the feed", soon, feed.number_events
    yield (
        "a reader of the feed",
        "nudge, 5 s",
        lambda s: feed_reading.read_feed(
            s, feed_reading.FeedFilter(), after=max(0, feed.head_of(s) - 100), limit=100
        ),
    )
    yield "alerts to send", soon, lambda s: alert_sending.claim_alerts(s, now=at, limit=20)
    yield (
        "runs that dead workers hold",
        "15 s",
        lambda s: relaying.orphans(s, silent_seconds=45, limit=1000),
    )
    yield (
        "the next 1,000 runs in flight",
        "15 s",
        lambda s: relaying.in_flight_after(s, ("ord-2", 1), limit=1000),
    )
    yield "held orders whom nobody woke", "15 s", lambda _: claims.wake_overlooked(database())
    yield (
        "subscribers who fail, or are back",
        "15 s",
        lambda s: (
            subscriber_health.watch(
                s, at=at, disable_after=timedelta(days=5), failing=breaker.FAILING
            ),
            recovering.recovered(s, limit=50),
        ),
    )
    yield (
        "orders that wait for too long",
        "15 s",
        lambda s: (
            waiting_long.backlog(s, at=at, hours=24),
            waiting_long.last_told(s),
        ),
    )
    yield (
        "pushes left over for deleted subscribers",
        "15 s",
        lambda s: withdrawing.pending_subscribers(s, SubscriberState.DELETED),
    )
    yield "live pages of the desk", "2 s", changes.marks
    yield "metrics", "each scrape", lambda s: measured(s, now=now())
    yield "causes of fallout", "its page", fallout.groups
    yield (
        "work that has become overdue",
        "sweep, 60 s",
        lambda s: overdue.find(s, at=now(), limit=500),
    )
    yield "overdue work to escalate", "sweep, 60 s", lambda s: overdue.due(s, at=at, limit=500)
    yield "forecasts to look at", "sweep, 60 s", lambda s: forecasts.due(s, at=at, limit=500)
    yield (
        "sealed versions to reconcile",
        daily,
        lambda s: reconciling.sealed_after(s, None, since=day_ago, limit=500),
    )
    yield (
        "ended orders to erase",
        daily,
        lambda s: erasing.ended_orders(s, None, None, before=at, limit=500),
    )
    yield (
        "count what was given up since the night before",
        daily,
        lambda s: replays.estimate(s, NewReplay(states=[Replayable.GAVE_UP], ended_since=day_ago)),
    )
    yield (
        "count what a replay would send",
        "asked for",
        lambda s: replays.estimate(s, NewReplay(subscriber_id=subscriber_id, since=day_ago)),
    )


def main() -> None:
    """Explain all loops, and print the figures as JSON."""
    asked = _arguments()
    with databases() as chosen:
        if chosen.name == Databases.name:
            sys.exit("PostgreSQL is needed: install its server, or set ORDERCAST_BENCH_POSTGRES")
        with own_database("plans", chosen):
            say(f"{chosen.name}; {machine()}")
            large, subscriber_id = _filled(asked.orders)
            found = {
                (name, often): _explained(loop, large) for name, often, loop in loops(subscriber_id)
            }
    _print(found)
    tell_figures(
        "plans",
        {
            "loops": len(found),
            "slowest_ms": max(each.milliseconds for each in found.values()),
            "read_whole": sum(bool(each.read_whole) for each in found.values()),
        },
    )


def _filled(orders: int) -> tuple[frozenset[str], str]:
    """The large tables of a database with so many orders, and a subscriber."""
    stock(orders, SHARES)
    say("spreading what is due")
    with database().writer.begin() as connection:
        for statement in PREPARED:
            connection.execute(text(statement))
    with database().write() as session:
        subscriber_id = push_leases.due_subscribers(session, now=now())[0].subscriber_id
        wanted = NewReplay(subscriber_id=subscriber_id, since=now() - timedelta(days=1))
        replays.ask(session, wanted, expected=0, asked_by="plans")
    say("cleaning up, as autovacuum does")
    with database().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        sizes = connection.execute(
            text("SELECT relname, reltuples FROM pg_class WHERE relkind = 'r' ORDER BY 2 DESC")
        ).all()
    large = {name: count for name, count in sizes if count >= LARGE}
    say(", ".join(f"{count:,.0f} rows of {name}" for name, count in large.items()))
    return frozenset(large), subscriber_id


def _explained(loop: Loop, large: frozenset[str]) -> Seen:
    seen = Seen()
    with database().engine.connect() as connection:
        outer = connection.begin()
        with noted(database()) as statements, Session(connection) as session:
            loop(session)
        outer.rollback()
        for statement, parameters in statements:
            if statement.split(maxsplit=1)[0] in EXPLAINED:
                given = parameters[0] if isinstance(parameters, list) else parameters
                with connection.begin() as turn:
                    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
                    (plan,) = connection.exec_driver_sql(explain, given).scalar_one()
                    turn.rollback()
                seen.milliseconds += plan["Execution Time"]
                seen.add(plan["Plan"], large)
    return seen


def _print(found: Mapping[tuple[str, str], Seen]) -> None:
    print("| loop | how often | index | time |\n| --- | --- | --- | --- |")
    for (name, often), seen in found.items():
        indexes = ", ".join(f"`{each}`" for each in seen.indexes) or "(small tables)"
        whole = f"; reads all of {', '.join(seen.read_whole)}" if seen.read_whole else ""
        print(f"| {name} | {often} | {indexes}{whole} | {_time(seen.milliseconds)} |", flush=True)


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.2g} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plans", description=__doc__)
    parser.add_argument("--orders", type=int, default=300_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
