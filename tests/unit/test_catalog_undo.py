"""What the catalogue says of undoing and of overdue work, and how it may be wrong."""

from datetime import timedelta

import pytest

from config.catalog import load_catalog
from ordercast.domain.errors import ConfigurationError
from ordercast.domain.order import ItemAction

GOOD = """
escalation: {remind: 10m, fail: 2d}
products:
  card:
    name: Card
    category: mobile
    actions:
      add:
        work_orders:
          booking: {system: numbers, service_time: 15m, undo: release}
          binding: {system: sims, service_time: 15m, after: booking, escalation: {fail: never}}
        undo_work_orders:
          release: {team: crew, service_time: 1h, escalation: {alert: 0m}}
"""


def policy_of(tmp_path, text=GOOD):
    path = tmp_path / "catalog.yaml"
    path.write_text(text, encoding="utf-8")
    return load_catalog(path).policy("card", ItemAction.ADD)


def test_a_work_order_names_what_takes_it_back(tmp_path):
    policy = policy_of(tmp_path)
    assert policy.work_orders["booking"].undo == "release"
    assert policy.kind("release").team == "crew"
    assert "release" not in policy.work_orders


def test_what_is_not_said_of_overdue_work_is_as_the_catalogue_and_then_as_ordercast_has_it(
    tmp_path,
):
    policy = policy_of(tmp_path)
    told = {name: policy.kind(name).escalation for name in ("booking", "binding", "release")}
    minutes, hours, days = timedelta(minutes=10), timedelta(hours=4), timedelta(days=2)
    assert (told["booking"].remind, told["booking"].alert) == (minutes, hours)
    assert told["booking"].fail == days
    assert (told["binding"].remind, told["binding"].fail) == (minutes, None)
    assert (told["release"].alert, told["release"].fail) == (timedelta(), days)


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("undo: release", "undo: give-back", "`give-back` is not under `undo_work_orders:`"),
        (", undo: release", "", "no work order says `undo: release`"),
        ("after: booking", "after: booking, undo: release", "takes `booking` back already"),
        ("          release:", "          binding:", "`binding` is a work order too"),
        ("booking:", "from-message:", "commands of a message cannot be undone"),
        ("remind: 10m", "remind: soon", "is no length of time"),
        ("team: crew, ", "", "has neither a team nor a system"),
    ],
)
def test_each_fault_is_told(tmp_path, good, bad, problem):
    with pytest.raises(ConfigurationError, match=problem):
        policy_of(tmp_path, GOOD.replace(good, bad))
