"""`ordercast report`: it ends with 0 when each work order stands as it was reported."""

import json

import pytest
from typer.testing import CliRunner

from ordercast.cli import app
from ordercast.store import cancelling
from tests.orders import named, plan_change, states, waiting

FIRST = "contract-check"


@pytest.fixture
def order_no(database):
    return waiting(plan_change())[0]


def report(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "300"})


def report_first(order_no, result="completed", *more):
    return report("--work-order", named(order_no, FIRST).id, "--result", result, *more)


def test_what_is_taken_ends_with_0_and_so_does_what_repeats_it(order_no):
    for verdict in ("accepted", "duplicate"):
        done = report_first(order_no)
        assert verdict in done.output
        assert done.exit_code == 0
    assert states(order_no)[FIRST] == "completed"


def test_what_contradicts_the_standing_report_ends_with_1(order_no):
    report_first(order_no)
    done = report_first(order_no, "failed")
    assert "contradicting" in done.output
    assert done.exit_code == 1


def test_what_comes_too_late_ends_with_1(order_no, database):
    with database.write() as session:
        cancelling.cancel(session, order_no)
    done = report_first(order_no)
    assert "late" in done.output
    assert done.exit_code == 1


def test_one_of_a_file_that_is_of_no_work_order_ends_with_1(order_no, tmp_path):
    sent = [named(order_no, FIRST).id, "wo-nowhere"]
    documents = [{"work_order_id": each, "result": "completed"} for each in sent]
    (tmp_path / "reports.json").write_text(json.dumps(documents))
    done = report("--file", tmp_path / "reports.json")
    assert "unknown" in done.output and "accepted" in done.output
    assert done.exit_code == 1


@pytest.mark.parametrize(("option", "most"), [("code", 64), ("text", 2000)])
def test_what_is_too_long_is_told_in_words(order_no, option, most):
    done = report_first(order_no, "completed", f"--{option}", "x" * (most + 1))
    assert done.exit_code == 1
    assert done.stderr == f"{option}: is longer than {most} characters; shorten it\n"
    assert states(order_no)[FIRST] != "completed"
