"""Problems: each names the field as people write it, and says what to do."""

import pytest
from pydantic import BaseModel, Field

from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.problems import path, validate


class Shape(BaseModel):
    name: str
    size: int = Field(ge=1)
    parts: list["Shape"] = Field(default_factory=list)


def problems_of(document, **options):
    with pytest.raises(InvalidMessage) as refused:
        validate(Shape, document, **options)
    return [(each.field, each.problem, each.cure) for each in refused.value.problems]


def test_all_faults_are_told_in_one_go_each_with_its_cure():
    assert problems_of({"size": 0, "id": 1, "parts": [{"name": 5}]}, forbidden=("id",)) == [
        ("id", "is set by Ordercast", "leave it out"),
        ("name", "field required", "add it"),
        (
            "size",
            "input should be greater than or equal to 1",
            "mend it and send the message again",
        ),
        ("parts[0].name", "input should be a valid string", "send a text"),
        ("parts[0].size", "field required", "add it"),
    ]


@pytest.mark.parametrize("document", [None, 5, "x", [], True])
def test_what_is_no_object_is_told_so(document):
    assert problems_of(document)[0][0] == "body"


def test_a_document_without_faults_becomes_the_model():
    assert validate(Shape, {"name": "开通", "size": 2}).name == "开通"


@pytest.mark.parametrize(
    ("location", "written"),
    [
        (
            ("serviceOrderItem", 0, "service", "note", 1, "text"),
            "serviceOrderItem[0].service.note[1].text",
        ),
        ((3, "id"), "[3].id"),
        ((), "body"),
    ],
)
def test_a_place_is_written_as_people_write_it(location, written):
    assert path(location) == written


def test_a_problem_reads_as_a_sentence_with_its_line():
    problem = Problem("msisdn", "is empty", "fill it in", 7)
    assert str(problem) == "line 7: msisdn: is empty; fill it in"
    assert problem.as_dict()["line"] == 7
    assert "line" not in Problem("msisdn", "is empty", "fill it in").as_dict()
