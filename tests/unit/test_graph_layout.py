"""Dependency graphs: however the work depends on itself, the picture of it can be read."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordercast.domain.graph_layout import Box, lay_out


@st.composite
def graphs(draw):
    """Work orders of which each waits for some of those before it, told in any order."""
    names = [f"work-{n}" for n in range(draw(st.integers(0, 14)))]
    awaited = {
        name: draw(st.lists(st.sampled_from(names[:place]), max_size=4)) if place else []
        for place, name in enumerate(names)
    }
    told = draw(st.permutations(names))
    return {name: awaited[name] for name in told}


def overlap(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    above = one.y + one.height <= other.y or other.y + other.height <= one.y
    return not (beside or above)


@given(graphs())
def test_boxes_do_not_overlap_and_lie_within_the_picture(graph):
    layout = lay_out(graph)
    assert layout.boxes.keys() == graph.keys()
    for one, other in combinations(layout.boxes.values(), 2):
        assert not overlap(one, other)
    for box in layout.boxes.values():
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= layout.width
        assert box.y + box.height <= layout.height


@given(graphs())
def test_every_dependency_is_a_line_from_left_to_right(graph):
    layout = lay_out(graph)
    wanted = {(before, after) for after, others in graph.items() for before in others}
    assert {(line.before, line.after) for line in layout.lines} == wanted
    assert len(layout.lines) == len(wanted)
    for line in layout.lines:
        before, after = layout.boxes[line.before], layout.boxes[line.after]
        assert line.points[0] == (before.x + before.width, before.y + before.height / 2)
        assert line.points[-1] == (after.x, after.y + after.height / 2)
        assert all(one[0] < other[0] for one, other in pairwise(line.points))


@given(graphs())
def test_no_line_crosses_a_box(graph):
    layout = lay_out(graph)
    for line in layout.lines:
        for (x0, y0), (x1, y1) in pairwise(line.points):
            for box in layout.boxes.values():
                beside = x1 <= box.x or x0 >= box.x + box.width
                level_outside = y0 == y1 and not box.y <= y0 <= box.y + box.height
                assert beside or level_outside


@given(graphs())
def test_the_same_graph_is_drawn_the_same(graph):
    assert lay_out(graph) == lay_out(graph)


def test_what_is_not_there_is_left_out_and_a_circle_is_refused():
    assert lay_out({"a": ["gone"]}).lines == []
    with pytest.raises(ValueError, match="cycle"):
        lay_out({"a": ["b"], "b": ["a"]})


def test_a_line_is_level_where_it_passes_a_layer():
    layout = lay_out({"a": [], "b": ["a"], "c": ["a", "b"]})
    long = next(line for line in layout.lines if (line.before, line.after) == ("a", "c"))
    assert len(long.points) == 4
    assert long.path.startswith("M")
    assert "H" in long.path
