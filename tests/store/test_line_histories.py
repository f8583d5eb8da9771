"""Whatever happens to lines, and whenever the relay looks: each end is told once, in order."""

import json
from datetime import timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select, update

from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.cloud_events import body_of
from ordercast.delivery.signing import new_secret
from ordercast.domain.order import OrderState
from ordercast.store import line_ends, orders, subscribers, telling_lines
from ordercast.store.clock import now
from ordercast.store.line_ends import EndedLine
from ordercast.store.push_tables import PushDelivery, PushEvent
from ordercast.store.pushes import LINES_ENDED
from ordercast.store.tables import OrderLine, ServiceOrder

NUMBERS = count()
LINES = 12
INTERVALS = (5, 60)
FAILURE = {"work_order": "hss", "code": "HSS-5012", "text": "模板不存在\x01" * 150}

some_lines = st.sets(st.integers(1, LINES), min_size=1, max_size=LINES)
steps = st.one_of(
    st.tuples(st.just("end"), some_lines),
    st.tuples(st.just("fail"), some_lines),
    st.tuples(st.just("open"), some_lines),
    st.tuples(st.just("look"), st.sampled_from([1, 30, 90])),
    st.tuples(st.just("seal"), st.none()),
)


class Expected:
    """What one interval is to be told, said in the plainest way."""

    def __init__(self):
        self.ended, self.waiting, self.told, self.version = {}, [], [], 1

    def end(self, lines, state):
        for line_no in sorted(lines):
            self.ended[line_no] = state
            if line_no in self.waiting:
                self.waiting.remove(line_no)
            self.waiting.append(line_no)

    def open(self, lines):
        for line_no in lines:
            self.ended.pop(line_no, None)

    def look(self):
        standing = [line_no for line_no in self.waiting if line_no in self.ended]
        self.told += [(self.version, line_no, self.ended[line_no]) for line_no in standing]
        self.waiting = []


class Told:
    """The same in the database: an order, and a subscriber for each interval."""

    def __init__(self, database, widths):
        self.database, self.order_no = database, f"ord-20261122-{next(NUMBERS):06}"
        agent = f"agent-{self.order_no}"
        with database.write() as session:
            session.add(
                ServiceOrder(
                    order_no=self.order_no,
                    agent=agent,
                    external_id="\x01" * 255,
                    content_sha256="",
                    message_id="m",
                    title="",
                    state="inProgress",
                    ordered_at=now(),
                )
            )
            orders.add_lines(
                session, [_line(self.order_no, n + 1, widths[n]) for n in range(LINES)]
            )
            self.subscribers = {
                seconds: subscribers.create(
                    session, _wanted(f"{agent}-{seconds}", agent, seconds), secret=new_secret()
                ).id
                for seconds in INTERVALS
            }

    def end(self, lines, state):
        failures = (FAILURE,) if state == "failed" else ()
        ended = EndedLine(OrderState(state), failures)
        with self.database.write() as session:
            order = orders.order(session, self.order_no, lock=True)
            self._put(session, lines, state)
            line_ends.note(session, order, dict.fromkeys(lines, ended))

    def open(self, lines):
        with self.database.write() as session:
            self._put(session, lines, "inProgress")

    def _put(self, session, lines, state):
        mine = (col(OrderLine.order_no) == self.order_no, col(OrderLine.line_no).in_(lines))
        session.execute(update(OrderLine).where(*mine).values(state=state))

    def look(self, seconds):
        with self.database.write() as session:
            before = now() + timedelta(seconds=seconds)
            telling_lines.tell_due(session, self.order_no, before=before)

    def seal(self):
        with self.database.write() as session:
            order = orders.order(session, self.order_no, lock=True)
            telling_lines.tell_rest(session, order, tags=["iot"])
            order.version += 1

    def events(self, seconds):
        with self.database.read() as session:
            mine = (
                select(PushEvent)
                .join(PushDelivery, col(PushDelivery.event_id) == col(PushEvent.id))
                .where(PushDelivery.subscriber_id == self.subscribers[seconds])
            )
            return session.exec(mine.order_by(col(PushEvent.sequence))).all()


def _wanted(name, agent, seconds):
    return NewSubscriber(
        kind="agent",
        agent=agent,
        name=name,
        url="http://127.0.0.1:9/",
        policy="lines",
        lines_every_seconds=seconds,
    )


def _line(order_no, line_no, width):
    characteristics = [
        {"name": "iccid", "value": f"8986{line_no:015}"},
        {"name": "note", "value": "欠" * width},
    ]
    return {
        "order_no": order_no,
        "line_no": line_no,
        "item_id": f"row-{line_no}",
        "action": "add",
        "product": "iot-card",
        "state": "inProgress",
        "document": {"service": {"serviceCharacteristic": characteristics}},
        "problems": [],
    }


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(steps, max_size=14),
    st.lists(st.sampled_from([0, 900, 5000]), min_size=LINES, max_size=LINES),
)
def test_each_end_that_stands_is_told_once_and_in_order(database, happened, widths):
    told, expected = Told(database, widths), {each: Expected() for each in INTERVALS}
    for name, what in [*happened, ("seal", None)]:
        _happen(told, expected, name, what)
    for seconds in INTERVALS:
        events = told.events(seconds)
        lines = [(each.version, line) for each in events for line in each.data["lines"]]
        assert [(version, line["line_no"], line["state"]) for version, line in lines] == expected[
            seconds
        ].told
        assert {each.type for each in events} <= {LINES_ENDED}
        assert all(_is_small_and_whole(each) for each in events)


def _happen(told, expected, name, what):
    match name:
        case "end" | "fail":
            state = "completed" if name == "end" else "failed"
            told.end(what, state)
            for each in expected.values():
                each.end(what, state)
        case "open":
            told.open(what)
            for each in expected.values():
                each.open(what)
        case "look":
            told.look(what)
            for seconds in INTERVALS:
                if seconds <= what:
                    expected[seconds].look()
        case "seal":
            told.seal()
            for each in expected.values():
                each.look()
                each.version += 1


def _is_small_and_whole(event):
    body = body_of(event, event.data, base_url="https://orders.example")
    return len(body.encode()) < 20_000 and "omitted" not in json.loads(body)["data"]
