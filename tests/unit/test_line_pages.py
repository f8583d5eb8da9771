import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ordercast.domain.line_pages import LINE_BYTES, MOST_BYTES, MOST_LINES, fitted, pages, size_of

SPELLED = st.text(st.characters(exclude_categories=["Cs"]), max_size=255)
FAILURES = st.fixed_dictionaries(
    {
        "work_order": st.none() | SPELLED,
        "code": st.none() | st.text("\x01漢a", max_size=64),
        "text": st.sampled_from(["", "短", "\x01", "欠费", "x"]).flatmap(
            lambda each: st.integers(0, 2000).map(lambda n: (each * n)[:2000])
        ),
    }
)
LINES = st.builds(
    lambda **line: {name: value for name, value in line.items() if value is not None},
    line_no=st.integers(1, 100_000),
    item_id=SPELLED,
    product=SPELLED,
    action=st.sampled_from(["add", "noChange"]),
    state=st.sampled_from(["completed", "failed"]),
    ended_at=st.just("2026-11-22T09:00:00.123456Z"),
    characteristics=st.dictionaries(SPELLED, SPELLED | st.integers(0, 9999).map("x".__mul__)),
    failures=st.none() | st.lists(FAILURES, min_size=1, max_size=8),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(LINES, max_size=30))
def test_no_line_is_lost_doubled_or_moved_and_every_page_is_within_bounds(lines):
    made = list(pages(lines))
    assert [line["line_no"] for page in made for line in page] == [n["line_no"] for n in lines]
    for page in made:
        assert 1 <= len(page) <= MOST_LINES
        assert len(page) == 1 or size_of(page) <= MOST_BYTES
        assert size_of(page) <= MOST_BYTES


@given(st.integers(0, 450))
def test_short_lines_fill_their_pages(count):
    made = list(pages({"line_no": n} for n in range(count)))
    assert [len(page) for page in made[:-1]] == [MOST_LINES] * (len(made) - 1)
    assert sum(map(len, made)) == count


@settings(deadline=None)
@given(LINES)
def test_a_line_that_fits_stays_as_it_is_and_one_that_does_not_says_what_is_missing(line):
    short = fitted(line)
    if size_of(line) <= LINE_BYTES:
        assert short == line
        return
    for name in short["omitted"]:
        assert short.get(name) != line[name]
    kept = line.keys() - {"characteristics", "failures"}
    assert {name: short[name] for name in kept} == {name: line[name] for name in kept}


def test_sizes_are_those_of_utf_8():
    assert size_of({"a": "欠费"}) == len(json.dumps({"a": "xxxxxx"}, separators=(",", ":")))
