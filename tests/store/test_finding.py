"""Orders are found by whatever somebody has of them, a page at a time."""

from datetime import timedelta

import pytest
from sqlmodel import select

from config.settings import settings
from ordercast.intake.indexing import index_orders
from ordercast.store import archive, order_search, runs
from ordercast.store.clock import now
from ordercast.store.finding_tables import OrderSubject
from ordercast.store.order_search import COUNTED, Search, search
from ordercast.store.outcomes import sealed as outcome_of
from ordercast.store.runs import Lease
from ordercast.store.sealing import sealer
from ordercast.store.tables import OrderLine, ServiceOrder
from tasks.archive import _entry, evidence_object
from tasks.completion import await_completion
from tests.orders import complete, item, order, plan_change, submit, waiting
from tests.store.plans import noted, plan

CARD, NUMBER = "89860012345678901234", "8613812345678"


def found(database, **wanted):
    with database.read() as session:
        return [each.order.order_no for each in search(session, Search(**wanted)).orders]


def subjects(database):
    with database.read() as session:
        return session.exec(select(OrderSubject).order_by(OrderSubject.order_no)).all()


def activation(**more):
    return item(product="sim-activation", msisdn=NUMBER, iccid=CARD, **more)


@pytest.mark.parametrize("typed", ["+86 138-1234-5678", "13812345678", CARD, f" {CARD} "])
def test_an_order_is_found_by_number_and_card_however_they_are_written(database, typed):
    order_no, _ = waiting(order(activation()))
    waiting(order())
    assert found(database, typed=typed) == [order_no]


def test_an_order_is_found_by_the_beginning_of_its_number_and_by_its_work_orders(database):
    order_no, _ = waiting(order())
    other = submit(order())
    assert found(database, typed=order_no) == [order_no]
    assert found(database, typed=order_no.upper()) == [order_no]
    assert found(database, typed=f"wo-{order_no.removeprefix('ord-')}-1-1") == [order_no]
    assert set(found(database, typed=order_no[:12])) == {order_no, other}


def test_an_order_is_found_by_the_agents_own_id_even_if_it_looks_like_one_of_ours(database):
    first, second = submit(order(externalId="订单-17")), submit(order(externalId="ord-2026"))
    assert found(database, typed="订单-17") == [first]
    assert set(found(database, typed="ord-2026")) == {first, second}
    assert found(database, typed="订单") == []


def test_the_line_that_was_sought_is_told(database):
    order_no, _ = waiting(order(item("1"), activation(item_id="2")))
    with database.read() as session:
        (only,) = search(session, Search(typed=NUMBER)).orders
    assert (only.order.order_no, only.line_no) == (order_no, 2)


def test_what_is_masked_is_found_all_the_same_and_kept_nowhere_in_plain(database, monkeypatch):
    secret = {"name": "iccid", "value": CARD, "@type": "SensitiveCharacteristic"}
    line = item(msisdn=NUMBER)
    line["service"]["serviceCharacteristic"].append(secret)
    order_no, _ = waiting(order(line))
    with database.read() as session:
        kept = session.exec(select(OrderLine)).one()
    assert CARD not in str(kept.document)
    assert found(database, typed=CARD) == [order_no]


def test_a_number_of_two_orders_finds_both_the_newest_first(database):
    first, held = waiting(order(activation()))
    complete(first)
    assert await_completion.fn(held)
    second, _ = waiting(order(activation()))
    assert set(found(database, typed=NUMBER)) == {first, second}


def test_hashes_need_the_key_and_an_older_key_still_finds(database, monkeypatch):
    order_no, _ = waiting(order(activation()))
    before = settings().sealing_keys.get_secret_value()
    newer = "q3rJ0m1m6lY3p6D3v0mX6oYyq4bq9w8cQ2yq4sV1oZQ="
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", newer)
    settings.cache_clear(), sealer.cache_clear()
    assert found(database, typed=CARD) == []
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", f"{newer},{before}")
    settings.cache_clear(), sealer.cache_clear()
    assert found(database, typed=CARD) == [order_no]


def test_a_number_on_many_lines_is_one_row(database):
    waiting(order(*(item(str(n), iccid=CARD) for n in range(1, 6))))
    assert [(each.line_no, len(each.order_no) > 0) for each in subjects(database)] == [(1, True)]


def test_older_orders_are_indexed_afterwards_masked_cards_included(database):
    waiting(order(activation()))
    secret = {"name": "iccid", "value": "89860099999999999999", "@type": "SensitiveCharacteristic"}
    line = item(msisdn="8613900000000")
    line["service"]["serviceCharacteristic"].append(secret)
    waiting(order(line))
    before = [each.model_dump() for each in subjects(database)]
    with database.write() as session:
        for each in session.exec(select(OrderSubject)).all():
            session.delete(each)
    assert list(index_orders(database)) == [2]
    assert list(index_orders(database)) == [2]
    assert [each.model_dump() for each in subjects(database)] == before


def ended(**more):
    order_no, held = waiting(plan_change(**more))
    complete(order_no)
    assert await_completion.fn(held)
    return order_no, held


def test_every_filter_holds(database):
    party = [{"id": "agent-7", "role": "agent", "@referredType": "Organization"}]
    mine, _ = waiting(order(relatedParty=party))
    parked, lease = waiting(plan_change())
    runs.park(lease, "the archive is away")
    done, lease = ended()
    runs.ask_operator(lease, "the platform refuses it")
    assert found(database, agent="agent-7") == [mine]
    assert found(database, state="completed") == [done]
    assert set(found(database, product="plan-change")) == {parked, done}
    assert found(database, product="plan") == []
    assert found(database, waiting_for="parked") == [parked]
    assert found(database, waiting_for="operator") == [done]
    assert found(database, waiting_for="work-orders") == [mine]
    assert found(database, waiting_for="exclusive") == []
    assert found(database, waiting_for="work-orders", agent="nobody") == []
    at = now()
    assert set(found(database, since=at - timedelta(hours=1))) == {mine, parked, done}
    assert found(database, since=at + timedelta(hours=1)) == []
    assert found(database, until=at - timedelta(hours=1)) == []
    assert found(database, typed=done, state="failed") == []


def test_an_order_is_found_by_any_of_its_tags(database):
    order_no, _ = ended()
    with database.write() as session:
        outcome = outcome_of(session, order_no, 1, with_evidence=True)
        entry = _entry(Lease(order_no, 1, ""), evidence_object(outcome))
        archive.record(session, entry, outcome.tags)
    for tag in outcome.tags:
        assert found(database, tag=tag) == [order_no]
    assert found(database, tag="porting") == []


def test_pages_follow_each_other_and_the_count_has_an_end(database):
    at = now()
    with database.write() as session:
        for n in range(COUNTED + 5):
            session.add(
                ServiceOrder(
                    order_no=f"ord-20261128-z{n:05d}",
                    agent=f"agent-{n % 3}",
                    content_sha256="",
                    message_id="m",
                    title="a SIM",
                    state="inProgress",
                    ordered_at=at - timedelta(seconds=n),
                )
            )
    with database.read() as session:
        first = search(session, Search(), limit=50)
        second = search(session, Search(), offset=50, limit=50)
        some = search(session, Search(agent="agent-1"), limit=50)
        assert order_search.agents(session) == ["agent-0", "agent-1", "agent-2"]
    assert first.total == COUNTED + 1
    assert some.total == (COUNTED + 5) // 3
    numbers = [each.order.order_no for each in (*first.orders, *second.orders)]
    assert numbers == [f"ord-20261128-z{n:05d}" for n in range(100)]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "ix_service_order_ordered"),
        ({"state": "failed"}, "ix_service_order_state"),
        ({"agent": "agent-1"}, "ix_service_order_agent"),
    ],
)
def test_a_page_is_read_off_an_index_without_sorting(database, wanted, index):
    with noted(database) as statements:
        found(database, **wanted)
    statement, parameters = next(each for each in statements if "ORDER BY" in each[0])
    told = plan(database, statement, parameters)
    assert index in told
    assert "TEMP B-TREE" not in told
    assert "Sort" not in told
