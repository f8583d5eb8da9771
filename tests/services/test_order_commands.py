"""What people ask of orders by the command line, as the relay carries it out."""

from sqlalchemy import delete
from sqlmodel import select
from typer.testing import CliRunner

from ordercast.cli import app
from ordercast.services.relay.command import command
from ordercast.store import commands
from ordercast.store.finding_tables import OrderSubject
from tests.orders import named, plan_change, report, states, waiting

FIRST = "contract-check"


def run(*arguments):
    return CliRunner().invoke(app, ["orders", *arguments], env={"COLUMNS": "200"})


def asked_of(database, order_no):
    with database.read() as session:
        return commands.of_order(session, order_no)


def test_a_contradicting_report_is_accepted_with_a_reason(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), report_id="r-1")
    report(named(order_no, FIRST), "failed", report_id="r-2")
    work_order_id = named(order_no, FIRST).id
    done = run("accept", work_order_id, "r-2", "--reason", "the crew was there")
    assert done.exit_code == 0, done.output
    command(api=None)
    (asked,) = asked_of(database, order_no)
    assert (asked.kind, asked.reason, asked.state) == ("accept", "the crew was there", "done")
    assert "failed" in asked.answer
    assert states(order_no)[FIRST] == "failed"


def test_a_report_that_stands_or_is_not_there_cannot_be_accepted(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), report_id="r-1")
    work_order_id = named(order_no, FIRST).id
    for report_id in ("r-1", "r-7"):
        assert run("accept", work_order_id, report_id, "--reason", "x").exit_code
    assert not asked_of(database, order_no)


def test_a_report_that_was_overtaken_meanwhile_is_answered_in_words(database):
    order_no, _ = waiting(plan_change())
    report(named(order_no, FIRST), report_id="r-1")
    report(named(order_no, FIRST), "failed", report_id="r-2")
    work_order_id = named(order_no, FIRST).id
    assert not run("accept", work_order_id, "r-2", "--reason", "x").exit_code
    report(named(order_no, FIRST), "failed", report_id="r-3", corrects="r-1")
    command(api=None)
    (asked,) = asked_of(database, order_no)
    assert asked.state == "terminatedWithError"
    assert "already" in asked.answer


def test_older_orders_are_made_findable(database):
    waiting(plan_change(lines=3))
    with database.write() as session:
        session.execute(delete(OrderSubject))
    done = run("index")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "all 1 orders can be found")
    with database.read() as session:
        assert len(session.exec(select(OrderSubject)).all()) == 3
