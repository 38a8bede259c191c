"""Files of applications: every good row is a request, every bad one is told with its column and value."""

from __future__ import annotations

import io
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.application import parse_request
from meridian.bulk import Form, Reject, Row, as_text, asked_in, columns_of, parts_of, read_rows, rows_in, write_rows
from meridian.bulk.columns import request_of
from meridian.errors import InvalidInput
from meridian.products import find_product
from tests.broken_rows import BROKEN_CELLS, BROKEN_LINES, broken_line

LOAN = find_product("personal-loan")
NAME = LOAN.name
COLUMNS = columns_of(LOAN.request)


def flat(request: dict[str, Any]) -> dict[str, Any]:
    """A request's values by column."""
    application = request["application"]
    report = {f"credit_report.{name}": value for name, value in application["credit_report"].items()}
    return {**{name: value for name, value in application.items() if name != "credit_report"}, **report}


GOOD = flat(LOAN.sample())


def csv_file(*rows: dict[str, Any], delimiter: str = ",", head: list[str] | None = None) -> bytes:
    names = head or list(GOOD)
    lines = [names, *([("" if row[name] is None else str(row[name])) for name in names] for row in rows)]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode()


def asked(form: Form, content: bytes) -> tuple[list[Any], list[Reject]]:
    found = asked_in(read_rows(form, io.BytesIO(content), NAME, COLUMNS), NAME, LOAN.request)
    return found.requests, found.rejects


def parquet(table: dict[str, list[Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(table), out)
    return out.getvalue()


def test_one_request_is_the_same_in_every_form() -> None:
    wanted = parse_request(json.dumps(LOAN.sample()).encode(), {NAME: LOAN.request})
    columns = {name: [value] for name, value in GOOD.items()}
    files = [
        (Form.CSV, csv_file(GOOD)),
        (Form.CSV, b"\xef\xbb\xbf" + csv_file(GOOD, delimiter=";").replace(b"\n", b"\r\n")),
        (Form.CSV, csv_file(GOOD, delimiter="\t", head=sorted(GOOD))),
        (Form.NDJSON, json.dumps(LOAN.sample()).encode()),
        (Form.NDJSON, b"\n" + json.dumps({"application": LOAN.sample()["application"]}).encode() + b"\n\n"),
        (Form.NDJSON, json.dumps(GOOD).encode()),
        (Form.PARQUET, parquet(columns)),
        (Form.PARQUET, parquet({"application": [LOAN.sample()["application"]]})),
    ]
    for form, content in files:
        requests, rejects = asked(form, content)
        assert rejects == []
        assert [request for _, request in requests] == [wanted], (form, content[:80])


def test_a_table_with_gaps_has_its_whole_numbers_as_fractions_and_days_as_moments() -> None:
    born = datetime.fromisoformat("1988-04-17")
    as_said = {"term_months": 36.0, "date_of_birth": born, "amount": Decimal("9000.00")}
    row = {**GOOD, **as_said, "credit_report.as_of": date(2026, 12, 1)}
    requests, rejects = asked(Form.PARQUET, parquet({name: [value] for name, value in row.items()}))
    assert rejects == []
    ((_, request),) = requests
    assert (request.application.term_months, request.application.date_of_birth) == (36, date(1988, 4, 17))


def test_who_has_no_report_has_none_and_not_an_empty_one() -> None:
    without = {name: None if name.startswith("credit_report.") else value for name, value in GOOD.items()}
    ((_, request),), rejects = asked(Form.CSV, csv_file(without))
    assert (request.application.credit_report, rejects) == (None, [])
    _, rejects = asked(Form.CSV, csv_file({**without, "credit_report.inquiries_6m": 1}))
    assert [one.column for one in rejects] == ["credit_report.as_of"]


def test_an_empty_cell_is_null_where_a_field_may_be_and_missing_elsewhere() -> None:
    ((_, request),), _ = asked(Form.CSV, csv_file({**GOOD, "employment_years": ""}))
    assert request.application.employment_years is None
    _, rejects = asked(Form.CSV, csv_file({**GOOD, "amount": ""}))
    assert rejects == [Reject(1, "amount", "nothing", "a value: the field is required")]


@pytest.mark.parametrize("what", BROKEN_CELLS)
def test_a_broken_cell_is_told_with_row_column_and_value(what: str) -> None:
    broken, column, value = BROKEN_CELLS[what]
    requests, rejects = asked(Form.CSV, csv_file(GOOD, {**GOOD, **broken}, GOOD))
    assert [row for row, _ in requests] == [1, 3], "the others go on"
    assert [(one.row, one.column, one.value) for one in rejects] == [(2, column, value)]
    assert rejects[0].expected


@pytest.mark.parametrize("what", BROKEN_LINES)
def test_a_spoilt_line_spoils_no_other(what: str) -> None:
    good = csv_file(GOOD).splitlines()[1]
    requests, rejects = asked(Form.CSV, csv_file() + b"\n".join([good, broken_line(what, good), good]))
    assert [row for row, _ in requests] == [1, 3]
    ((row, column, shown, _),) = rejects
    assert (row, column) == (2, "")
    assert BROKEN_LINES[what] in shown


OBJECTS = {
    "no JSON": (b"{", "{"),
    "a list": (b"[1]", "[1]"),
    "NaN": (b'{"amount": NaN}', '{"amount": NaN}'),
    "objects without end": (b'{"a":' * 20_000, "objects within objects"),
    "a field twice": (b'{"amount": 1, "amount": 2}', "more than one value"),
    "half a character": (b'{"applicant_id": "\\ud800"}', None),
    "another product": (json.dumps({**LOAN.sample(), "product": "consumer-loan"}).encode(), None),
    "a field that is none": (json.dumps({**GOOD, "colour": "red"}).encode(), None),
}


@pytest.mark.parametrize("what", OBJECTS)
def test_a_broken_object_is_told(what: str) -> None:
    line, value = OBJECTS[what]
    good = json.dumps(GOOD).encode()
    requests, rejects = asked(Form.NDJSON, b"\n".join([good, line, good]))
    assert [row for row, _ in requests] == [1, 3]
    assert rejects
    assert {one.row for one in rejects} == {2}
    assert value is None or value in {one.value for one in rejects}


def test_what_is_wrong_with_all_of_a_file_is_told_once_and_nothing_is_taken_in() -> None:
    for form, content, said in [
        (Form.CSV, b"", "is empty"),
        (Form.CSV, "applicänt".encode("utf-16"), "not UTF-8"),
        (Form.CSV, b'"applicant_id,amount\n', "quote in the file's first line"),
        (Form.CSV, csv_file(GOOD).replace(b"amount", b"ammount", 1), "no field 'ammount'"),
        (Form.CSV, csv_file(GOOD, head=[*GOOD, "amount"]), "the file twice"),
        (Form.CSV, csv_file(GOOD, head=[name for name in GOOD if name != "purpose"]), "needs purpose"),
        (Form.PARQUET, b"PAR1", "no Parquet"),
        (Form.PARQUET, parquet({"amount": [1.0]}), "no such column"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            list(read_rows(form, io.BytesIO(content), NAME, COLUMNS))
    with pytest.raises(InvalidInput, match=r"loans\.xlsx is none of \.csv"):
        Form.of_name("loans.xlsx")


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 7))
def test_parts_have_every_row_once_and_in_order(numbers: list[int], size: int) -> None:
    rows = [Row(number, "") for number in numbers]
    parts = list(parts_of(iter(rows), size))
    assert [row for part in parts for row in part] == rows
    assert all(len(part) == size for part in parts[:-1])
    stored = json.loads(json.dumps([Row(1, "{}"), Row(2, "", Reject(2, "a", "b", "c"))]))
    assert rows_in(stored) == [Row(1, "{}"), Row(2, "", Reject(2, "a", "b", "c"))]


def test_every_column_has_its_place_in_a_request() -> None:
    cells = dict.fromkeys(COLUMNS.values(), 1)
    request = request_of(NAME, cells)
    assert set(flat(request)) == set(COLUMNS) - {"application_ref", "product"}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    row = {"row": 1, "column": "amount", "value": "=cmd()", "expected": "a, b"}
    columns = ("row", "column", "value", "expected")
    assert write_rows(tmp_path / "a.csv", columns, [row]) == 1
    assert (tmp_path / "a.csv").read_bytes() == b'row,column,value,expected\r\n1,amount,\'=cmd(),"a, b"\r\n'
    assert write_rows(tmp_path / "a.ndjson", columns, [row, row]) == 2
    assert json.loads((tmp_path / "a.ndjson").read_text().splitlines()[1]) == row
    assert write_rows(tmp_path / "a.parquet", columns, iter([row] * 3)) == 3
    assert pq.read_table(tmp_path / "a.parquet").to_pylist()[2] == row
    assert list(as_text(Form.CSV, ("reasons",), [{"reasons": ["P01", "M02"]}]))[1] == "P01 M02\r\n"
