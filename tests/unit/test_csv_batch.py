"""A batch as CSV: every row becomes a line of one order, every bad row is told by its number."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordercast.intake.csv_batch import parse_csv

HEADER = "msisdn,iccid,product,action\n"
ROW = "8613800138000,8986012345678901234,sim-activation,add\n"
CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r") | st.sampled_from('套餐畅享 ,"\n'),
    max_size=30,
).map(str.strip)


def problems(text):
    return [(each.line, each.field) for each in parse_csv(text.encode()).problems]


def lines_of(parsed):
    (draft,) = parsed.drafts
    return draft.order.lines


def written(rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def test_a_row_is_a_line_with_its_characteristics():
    (line,) = lines_of(parse_csv((HEADER + ROW).encode()))
    assert line.action == "add"
    assert line.service.product == "sim-activation"
    assert line.service.characteristics == {
        "msisdn": "8613800138000",
        "iccid": "8986012345678901234",
    }


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20))
def test_any_text_in_the_cells_survives_and_no_row_is_lost(cells):
    rows = [["product", "action", "客户", "note"]]
    rows += [["物联网卡", "add", *each] for each in cells]
    lines = lines_of(parse_csv(written(rows)))
    given_back = [line.service.characteristics for line in lines]
    assert given_back == [
        {name: cell for name, cell in zip(("客户", "note"), each, strict=True) if cell}
        for each in cells
    ]


def test_ten_thousand_rows_are_ten_thousand_lines_of_one_order():
    rows = [f"{8613800000000 + n},{8986010000000000000 + n},iot-card,add" for n in range(10_000)]
    lines = lines_of(parse_csv((HEADER + "\n".join(rows)).encode()))
    assert len({line.id for line in lines}) == 10_000
    assert lines[9_999].service.characteristics["msisdn"] == "8613800009999"


def test_columns_may_stand_in_any_order_and_case_with_spaces_and_a_byte_order_mark():
    text = "\ufeffAction , PRODUCT,套餐\nadd , 物联网卡, 畅享 \n"
    (line,) = lines_of(parse_csv(text.encode()))
    assert (line.action, line.service.product) == ("add", "物联网卡")
    assert line.service.characteristics == {"套餐": "畅享"}


def test_every_bad_row_is_told_by_its_line_in_one_go():
    text = (
        HEADER
        + ROW
        + "12,8986012345678901234,sim-activation,add\n"  # 3
        + "\n"  # 4
        + ",123,,take\n"  # 5
        + '"8613"x,,sim-activation,add\n'  # 6
        + "8613800138000,,sim-activation,add,one,more\n"  # 7
        + "８６１３８００１３８０００,,sim-activation,add\n"  # 8: full-width digits
        + f",,{'x' * 256},add\n"  # 9
        + '8613800138001,,"sim-\nactivation",ad\n'  # 10 and 11
        + "8613800138001,,sim-activation\n"  # 12
    )
    assert problems(text) == [
        (3, "msisdn"),
        (5, "product"),
        (5, "action"),
        (5, "iccid"),
        (6, "row"),
        (7, "row"),
        (8, "msisdn"),
        (9, "product"),
        (10, "action"),
        (12, "action"),
    ]
    assert len(lines_of(parse_csv(text.encode()))) == 1


def test_an_item_is_named_by_its_row_so_that_results_are_found_again():
    text = HEADER + ROW + "\n" + ",bad,,\n" + ROW
    assert [line.id for line in lines_of(parse_csv(text.encode()))] == ["1", "4"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "product"), (1, "action")]),
        ("product;action\n", [(1, "product"), (1, "action")]),
        ("product,action,action\niot-card,add,x\n", [(1, "header")]),
        ("product,action,\niot-card,add,x\n", [(1, "header")]),
        (f"product,action,{'x' * 256}\niot-card,add,x\n", [(1, "header")]),
        ('"product"x,action\niot-card,add\n', [(1, "row")]),
        (HEADER, [(None, "body")]),
        (HEADER + ",,,\n", [(None, "body")]),
        (HEADER + "\0" + ROW, [(None, "body")]),
        (HEADER + f",,iot-card,add,{'x' * 140_000}\n", [(2, "row")]),
        (HEADER + '"' + ROW * 3, [(2, "row")]),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text, expected):
    assert problems(text) == expected


def test_a_file_in_another_encoding_is_told_how_to_save_it():
    (problem,) = parse_csv((HEADER + "物联网卡").encode("gb18030")).problems
    assert problem.cure == "save it as UTF-8"


def test_a_batch_of_other_content_has_another_fingerprint_and_the_same_has_the_same():
    (one,) = parse_csv((HEADER + ROW).encode()).drafts
    (same,) = parse_csv((HEADER + ROW.replace(",sim", ", sim")).encode()).drafts
    (other,) = parse_csv((HEADER + ROW + ROW).encode()).drafts
    assert one.content_sha256 == same.content_sha256 != other.content_sha256
