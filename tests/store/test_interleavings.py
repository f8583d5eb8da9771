"""Whatever the order of reports and segments: all work ends, each version is sealed once."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from config.catalog import catalogue
from config.settings import settings as ordercast_settings
from ordercast.contracts.report import WorkOrderReport
from ordercast.domain.errors import Conflict
from ordercast.domain.order import OrderState, Stage
from ordercast.domain.rollup import order_state
from ordercast.domain.work_order import Result, WorkOrderState
from ordercast.intake.reporting import take_reports
from ordercast.store import cancelling, reopening
from ordercast.store.engine import database as the_database
from ordercast.store.push_tables import PushEvent
from ordercast.store.tables import CompletionReport, OrderOutcome
from tasks.completion import await_completion
from tests.orders import (
    complete,
    generated,
    item,
    lease,
    line_states,
    order,
    run_of,
    stored,
    work_orders,
)

Graph = Mapping[str, Sequence[str]]


@st.composite
def graphs(draw) -> Graph:
    """Work orders by name, each with those before it that it waits for."""
    names = [f"work-{n}" for n in range(draw(st.integers(1, 5)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:n]), unique=True, max_size=2)) if n else []
        for n, name in enumerate(names)
    }


@dataclass(frozen=True)
class Segment:
    """A segment of the newest version comes by."""


@dataclass(frozen=True)
class Reports:
    """Some reports come: which work order, what it says, and whether it corrects the last one."""

    told: Sequence[tuple[int, Result, bool]]


@dataclass(frozen=True)
class Cancel:
    """Somebody cancels the order."""


@dataclass(frozen=True)
class Reopen:
    """Somebody reopens what has failed."""


REPORT = st.tuples(st.integers(0, 14), st.sampled_from(Result), st.booleans())
HAPPENINGS = st.lists(
    st.one_of(
        st.builds(Segment),
        st.builds(Reports, st.lists(REPORT, min_size=1, max_size=3)),
        st.builds(Reports, st.lists(REPORT, min_size=1, max_size=3)),
        st.builds(Cancel),
        st.builds(Reopen),
    ),
    max_size=12,
)


@pytest.fixture
def use_graph(home, database, monkeypatch):
    """Makes `any-work` a product whose work orders are those of a graph."""
    path = home / "catalog.yaml"
    monkeypatch.setenv("ORDERCAST_CATALOG", str(path))
    ordercast_settings.cache_clear()

    def use(graph: Graph, can_be_undone: Collection[str] = ()) -> None:
        written = json.dumps(catalog_of(graph, can_be_undone))
        path.write_text(written, encoding="utf-8")
        catalogue.cache_clear()

    yield use
    monkeypatch.undo()
    ordercast_settings.cache_clear()
    catalogue.cache_clear()


def catalog_of(graph: Graph, can_be_undone: Collection[str]) -> dict[str, Any]:
    kind = {"team": "crew", "service_time": "1h"}
    kinds = {
        name: {**kind, "after": list(after)}
        | ({"undo": f"undo-{name}"} if name in can_be_undone else {})
        for name, after in graph.items()
    }
    undo = {f"undo-{name}": kind for name in graph if name in can_be_undone}
    action = {"work_orders": kinds, "undo_work_orders": undo}
    product = {"name": "Work", "category": "test", "actions": {"add": action}}
    return {"products": {"any-work": product}}


class Story:
    """What happens to one order, and what must then be so."""

    def __init__(self, lines: int) -> None:
        items = [item(str(n), product="any-work", note="x") for n in range(1, lines + 1)]
        self.order_no, _ = generated(order(*items))

    def happen(self, happening: Segment | Reports | Cancel | Reopen) -> None:
        if isinstance(happening, Cancel | Reopen):
            with suppress(Conflict), the_database().write() as session:
                if isinstance(happening, Cancel):
                    cancelling.cancel(session, self.order_no)
                else:
                    reopening.reopen_failed(session, self.order_no)
        elif isinstance(happening, Reports):
            rows = work_orders(self.order_no)
            told = [self._report(rows[n % len(rows)], *rest) for n, *rest in happening.told]
            answers = take_reports(the_database(), told)
            assert [each.report_id for each in answers] == [each.report_id for each in told]
        else:
            self.segment()

    def _report(self, row, result: Result, corrects: bool) -> WorkOrderReport:
        accepted = self._accepted(row) if corrects else None
        return WorkOrderReport(work_order_id=row.id, result=result, corrects=accepted)

    def _accepted(self, row) -> str | None:
        with the_database().read() as session:
            kept = session.get(CompletionReport, row.report_key) if row.report_key else None
        return kept.report_id if kept else None

    def segment(self) -> None:
        version = stored(self.order_no).version
        if Stage(run_of(self.order_no, version).stage).is_before(Stage.SEALED):
            await_completion.fn(lease(self.order_no, version))

    def nothing_waits_in_vain(self) -> None:
        """An open order has open work, or is launched, or is woken."""
        version = stored(self.order_no).version
        run = run_of(self.order_no, version)
        if run.waiting_for and not self.open_work():
            assert run.wake_at

    def what_came_to_nothing_is_undone(self, can_be_undone: Collection[str]) -> None:
        """Completed work of a line that did not complete has one work order that undoes it."""
        rows = [row for row in work_orders(self.order_no) if row.withdrawn_at is None]
        for line_no, state in enumerate(line_states(self.order_no), start=1):
            mine = [row for row in rows if row.line_no == line_no]
            done = {row.name for row in mine if not row.undoes and row.state == "completed"}
            undo = sorted(row.undoes for row in mine if row.undoes)
            if state == OrderState.COMPLETED:
                assert undo == []
            else:
                assert len(set(undo)) == len(undo)
                assert set(undo) >= done & set(can_be_undone)

    def open_work(self) -> bool:
        return any(WorkOrderState(row.state).is_open for row in work_orders(self.order_no))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    graph=graphs(),
    lines=st.integers(1, 3),
    happenings=HAPPENINGS,
    can_be_undone=st.sets(st.sampled_from([f"work-{n}" for n in range(5)])),
)
def test_any_interleaving_ends_every_work_order_and_seals_each_version_once(
    use_graph, graph, lines, happenings, can_be_undone
):
    use_graph(graph, can_be_undone)
    story = Story(lines)
    for happening in happenings:
        story.happen(happening)
        story.nothing_waits_in_vain()
    complete(story.order_no)
    story.nothing_waits_in_vain()
    assert not story.open_work()
    story.what_came_to_nothing_is_undone(can_be_undone)
    story.segment()
    ended = stored(story.order_no)
    states = [OrderState(state) for state in line_states(story.order_no)]
    assert all(state.is_final for state in states)
    assert ended.state == order_state(states)
    with the_database().read() as session:
        sealed = session.exec(select(OrderOutcome).where(OrderOutcome.order_no == ended.order_no))
        assert sorted(each.version for each in sealed) == list(range(1, ended.version + 1))
        events = session.exec(select(PushEvent).where(PushEvent.order_no == ended.order_no)).all()
    assert sorted(each.sequence for each in events) == list(range(1, len(events) + 1))
