"""What the push benchmark is played on: a ledger, a relay that can be killed, and a receiver."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import httpx
from sqlmodel import Session, col, func, select, update

from benchmarks.databases import Databases
from benchmarks.waiting import Patience
from config.settings import settings
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.cloud_events import MEDIA_TYPE, body_of
from ordercast.delivery.signing import new_secret, signed_headers
from ordercast.store import subscribers, withdrawing
from ordercast.store.clock import now
from ordercast.store.engine import Database, database
from ordercast.store.migrating import upgrade
from ordercast.store.push_tables import PushDelivery, PushEvent, Subscriber
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.sealing import make_key
from ordercast.store.tables import ServiceOrder

LOOK_SECONDS = 0.02
LINES = 12
DATA = {
    "state": "completed",
    "agent": "bluewave-mobile",
    "title": "sim-card add, plan-change modify",
    "products": ["sim-card", "plan-change"],
    "lines": [{"line_no": n, "state": "completed", "product": "sim-card"} for n in range(LINES)],
}
"""Of the size of a real outcome."""

Receipt = tuple[str, str, float]


@dataclass
class Receiver:
    """The receiver's process; see `benchmarks.push_receiver`."""

    process: subprocess.Popen[str]
    door: httpx.Client

    def url(self, path: str) -> str:
        return str(self.door.base_url.join(path))

    def take(self) -> list[Receipt]:
        """What came in since the last time: path, id of the event, time."""
        return [(path, key, at) for path, key, at in self.door.get("/taken").json()]

    def kill(self, path: str) -> None:
        self.door.get(f"/dead{path}").raise_for_status()

    def revive(self) -> None:
        self.door.get("/alive").raise_for_status()


@contextmanager
def receiving() -> Iterator[Receiver]:
    command = [sys.executable, "-m", "benchmarks.push_receiver"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603
        assert process.stdout and process.stdin
        port = int(process.stdout.readline())
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as door:
            yield Receiver(process, door)
        process.stdin.close()


@contextmanager
def relaying(changes: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A relay that hears nudges, until it is stopped or killed."""
    command = [sys.executable, "-m", "benchmarks.push_relay"]
    environment = {**os.environ, **(changes or {})}
    with subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process
        finally:
            process.terminate()


@dataclass
class Stage:
    """The ledger, and who is told of what is put into it."""

    home: Path
    receiver: Receiver
    secrets: dict[str, str] = field(default_factory=dict)
    audiences: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def database(self) -> Database:
        return database()

    def subscribe(self, audience: str, count: int) -> None:
        """So many subscribers, who are told of the orders with that tag."""
        paths = [f"/{audience}/{n}" for n in range(count)]
        with self.database.write() as session:
            self.audiences[audience] = [self._add(session, audience, path) for path in paths]

    def _add(self, session: Session, audience: str, path: str) -> str:
        url, secret = self.receiver.url(path), new_secret()
        document = {"kind": "public", "name": path, "url": url, "tags": [audience]}
        wanted = NewSubscriber.model_validate(document)
        key = subscribers.create(session, wanted, secret=secret).id
        self.secrets[key] = secret
        return key

    def complete(self, audience: str, orders: int) -> tuple[float, list[str]]:
        """So many orders are completed in one transaction; when that was, and their events."""
        events: list[str] = []
        with self.database.write() as session:
            for _ in range(orders):
                order = _order()
                session.add(order)
                session.flush()
                told = add_events(
                    session, order, [NewEvent("order.completed", 1, DATA)], tags=[audience]
                )
                events += [str(each.id) for each in told]
            at = time.monotonic()
        return at, events

    def pending(self) -> int:
        with self.database.read() as session:
            waiting = select(func.count()).where(col(PushDelivery.ended_at).is_(None))
            return session.exec(waiting).one()

    def leased_by(self, relay: subprocess.Popen[str]) -> int:
        """How many deliveries a relay has, or had when it was killed."""
        with self.database.read() as session:
            its_own = col(PushDelivery.leased_by).contains(f":{relay.pid}:")
            return session.exec(select(func.count()).where(its_own)).one()

    def wait_until_told(self, most: int = 0) -> float:
        """Wait until at most so many deliveries are pending; when that was."""
        patience = Patience("deliveries")
        while (pending := self.pending()) > most:
            patience.look_at(-pending)
            time.sleep(LOOK_SECONDS)
        return time.monotonic()

    def forget_dead(self, subscriber_id: str) -> None:
        """What is left for a dead one is withdrawn, and it is as good as new."""
        with self.database.write() as session:
            withdrawing.withdraw(session, subscriber_id, at=now(), limit=10_000)
            this_one = update(Subscriber).where(col(Subscriber.id) == subscriber_id)
            session.execute(this_one.values(failing_since=None, open_until=None, recovery=0))

    def post_bare(self, events: Sequence[str], audience: str, concurrency: int) -> float:
        """Post the bodies of the same events to the same URLs by httpx alone; the seconds."""
        path = self.home / "posts"
        path.write_text("\n".join(self._posts(events, audience)))
        command = [sys.executable, "-m", "benchmarks.push_bare", str(path), str(concurrency)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603
        return float(done.stdout)

    def _posts(self, events: Sequence[str], audience: str) -> Iterator[str]:
        with self.database.read() as session:
            query = select(PushEvent).where(col(PushEvent.type) == "order.completed")
            by_id = {str(each.id): each for each in session.exec(query)}
        for key in events:
            body = body_of(by_id[key], by_id[key].data, base_url=settings().gateway_url)
            for n, told in enumerate(self.audiences[audience]):
                secrets = [self.secrets[told]]
                signed = signed_headers(secrets, message_id=key, body=body, at=now())
                headers = {"content-type": MEDIA_TYPE, **signed}
                url = self.receiver.url(f"/{audience}/{n}")
                yield json.dumps({"url": url, "body": body, "headers": headers})


def _order() -> ServiceOrder:
    return ServiceOrder(
        order_no=f"ord-bench-{uuid4().hex[:12]}",
        agent="bluewave-mobile",
        content_sha256="",
        message_id="",
        title="sim-card add",
        state="completed",
        ordered_at=now(),
    )


@contextmanager
def stage(chosen: Databases) -> Iterator[Stage]:
    """A new home and database, which this process and its children use."""
    home = Path(tempfile.mkdtemp(prefix="ordercast-bench-push-"))
    with chosen.fresh() as databases, receiving() as receiver:
        os.environ.update({"ORDERCAST_HOME": str(home), **databases})
        settings.cache_clear()
        make_key(home)
        upgrade(database())
        yield Stage(home, receiver)
        database().engine.dispose()
    shutil.rmtree(home, ignore_errors=True)
