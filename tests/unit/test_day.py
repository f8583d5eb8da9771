"""The figures of a day: nobody is counted twice, and quantiles are values that occurred."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from flows.templates import picture
from ordercast.domain.day import EndedOrder, by, quantile, spread
from tasks.report import COLUMNS, as_csv

AT = datetime(2026, 11, 22, tzinfo=UTC)
SECONDS = st.lists(st.floats(0, 10**6), max_size=50)


def order(**more):
    given = {"order_no": "ord-20261122-aaaaaa", "version": 1, "state": "completed"}
    given |= {"agent": "agent-x", "products": ("iot-card",), "line_count": 1}
    return EndedOrder(**{**given, "ordered_at": AT, "sealed_at": AT + timedelta(hours=1), **more})


@given(SECONDS.filter(bool), st.floats(0.01, 1))
def test_a_quantile_is_one_of_the_values_that_the_share_does_not_exceed(values, share):
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert quantile([], share) == 0


@given(SECONDS)
def test_each_time_is_in_one_bar(values):
    assert sum(spread(values).values()) == len(values)


def test_orders_are_counted_by_what_they_fall_under_the_most_first():
    orders = [order(state="failed"), order(), order(products=("iot-card", "plan-change"))]
    assert [(key, each.count) for key, each in by(orders, lambda o: o.products).items()] == [
        ("iot-card", 3),
        ("plan-change", 1),
    ]
    assert by(orders, lambda o: [o.state])["completed"].to_complete == [3600, 3600]


def test_the_csv_has_a_row_for_each_and_no_formula():
    text = as_csv([order(agent="=1+1", pushes=2, seconds_to_told=(0.5, 2.0))])
    head, row = text.splitlines()
    assert head == ",".join(COLUMNS)
    assert ",'=1+1," in row and row.endswith(",3600.0,2,2,2.0")


@given(st.dictionaries(st.text("<&>\"'ab 中", min_size=1), st.integers(0, 10**6), max_size=5))
def test_a_plot_is_a_picture_whatever_the_names(bars):
    most = max([1, *bars.values()])
    drawn = picture("bars.svg.j2").render(title="<how>", bars=bars, most=most)
    root = ElementTree.fromstring(drawn)  # noqa: S314 (what we have just drawn)
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(bars) <= set(texts)
