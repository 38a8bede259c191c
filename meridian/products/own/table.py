"""The lender's table as a training table: its texts become the very fields that an application has."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData
from meridian.evidence import FORM
from meridian.products.own.document import OTHER, Column, CompareLine, ProductFile, Target
from meridian.products.own.features import THIS_MONTH, TODAY
from meridian.products.own.values import DATES, Numbers, Rows, days, is_missing, months_of, numbers, place, shown
from meridian.products.training_table import ROW, Comparison, Dialect, Members, Split, TrainingTable

Columns = Mapping[str, NDArray[Any]]


def training_table(document: ProductFile) -> TrainingTable:
    """How past loans of this product are read."""
    table, marks = document.table, document.table.marks
    split, entity, time = split_of(document), table.split.entity, table.time

    def fields(columns: Columns) -> dict[str, dict[str, Any]]:
        return {FORM: fields_of(document.column, columns, marks, _moments(document, columns, marks))}

    def period(columns: Columns) -> NDArray[np.int64]:
        if split.at_random:
            return split.parts_of(columns[str(entity)])
        return _months(columns, time.column if time else "", _moments(document, columns, marks))

    read = [column.column for column in document.column]
    extra = [entity if split.at_random else None, time.column if time else None, table.target.column]
    return TrainingTable(
        name=table.file,
        columns=tuple(dict.fromkeys([*read, *(name for name in extra if name is not None)])),
        leaks=tuple(glob.escape(name) for name in table.leaks),
        lender_outputs=(),
        fields=fields,
        target=lambda columns: outcomes(columns[table.target.column], table.target, columns.get(ROW)),
        split=split,
        period=period if entity is not None or not split.at_random else None,
        outcome=table.target.column,
        dialect=Dialect(table.delimiter, table.encoding, marks),
        protected=tuple(table.protected),
        compared=tuple(_comparison(line, marks) for line in table.compare),
    )


def _comparison(line: CompareLine, marks: frozenset[str]) -> Comparison:
    least = line.at_least

    def by_number(columns: Columns) -> Members:
        known = numbers(columns[line.column], line.column, Numbers(), marks, columns.get(ROW))
        return known >= (least or 0.0), known < (least or 0.0)

    def by_text(columns: Columns) -> Members:
        return (
            _having(columns[line.column], line.column, line.values, line.group),
            _having(columns[line.of_control], line.of_control, line.control_values, line.control),
        )

    read = tuple(dict.fromkeys((line.column, line.of_control)))
    return Comparison(line.group, line.control, read, by_text if least is None else by_number)


def _having(texts: NDArray[Any], name: str, values: Sequence[str], group: str) -> NDArray[np.bool_]:
    """Which loans have one of the values: none at all is a value that was misspelt, and no group without members."""
    stripped = np.char.strip(texts)
    members = np.isin(stripped, values)
    if not members.any():
        there = sorted(set(stripped.tolist()))
        shown_there = ", ".join(map(shown, there[:10])) + (" and more" if len(there) > 10 else "")
        raise InvalidTrainingData(
            f"No loan has {' or '.join(map(repr, values))} in {name}, which {group!r} are known by; there is "
            f"{shown_there}. Correct the values of [[table.compare]] in product.toml, or take the comparison out."
        )
    return members


def split_of(document: ProductFile) -> Split:
    """Out of time from a day on, or by lot."""
    line = document.table.split
    if line.test_from is not None:
        return Split.out_of_time(date.fromisoformat(line.test_from))
    return Split.by_lot(line.seed, line.test_share or 0.3)


def _moments(document: ProductFile, columns: Columns, marks: frozenset[str]) -> NDArray[np.float64] | None:
    time = document.table.time
    return None if time is None else days(columns[time.column], time.column, DATES[time.form], marks, columns.get(ROW))


def _months(columns: Columns, name: str, moments: NDArray[np.float64] | None) -> NDArray[np.int64]:
    months = months_of(np.full(len(columns[name]), np.nan) if moments is None else moments)
    unknown = np.flatnonzero(np.isnan(months))
    if len(unknown):
        raise ValueError(f"{place(int(unknown[0]), name, columns.get(ROW))} is empty, not the date of the application")
    return months.astype(np.int64)


def fields_of(
    declared: Sequence[Column], columns: Columns, marks: frozenset[str], moments: NDArray[np.float64] | None
) -> dict[str, Any]:
    """The columns as fields of the application; `moments` are the days of the applications, since 1970."""
    fields: dict[str, Any] = {
        column.field: _read(column, columns[column.column], marks, columns.get(ROW)) for column in declared
    }
    if moments is not None:
        fields |= {TODAY: moments, THIS_MONTH: months_of(moments)}
    return fields


def _read(column: Column, texts: NDArray[Any], marks: frozenset[str], rows: Rows) -> NDArray[Any]:
    if column.type == "number":
        return numbers(texts, column.column, column.numbers, marks, rows)
    if column.type == "date":
        since_1970 = days(texts, column.column, DATES[column.form], marks, rows)
        return months_of(since_1970) if column.monthly else since_1970
    return _categories(column, texts, marks, rows)


def _categories(column: Column, texts: NDArray[Any], marks: frozenset[str], rows: Rows) -> NDArray[np.str_]:
    listed, values, found = texts.tolist(), set(column.values), dict[str, str]()
    for text in dict.fromkeys(listed):
        stripped = text.strip()
        if is_missing(text, marks):
            found[text] = ""
        elif stripped in values or column.others:
            found[text] = stripped if stripped in values else OTHER
        else:
            where = place(listed.index(text), column.column, rows)
            raise ValueError(
                f"{where} is {shown(text)}, none of {', '.join(column.values)}; add it to the column's values in "
                "product.toml, or set others = true"
            )
    return np.array([found[text] for text in listed], dtype=np.str_)


def outcomes(texts: NDArray[Any], target: Target, rows: Rows = None) -> NDArray[np.float64]:
    """The outcome's texts as 1.0 for a default and 0.0 for none. Raises `ValueError` with the row."""
    known = {text.casefold(): 1.0 for text in target.bad} | {text.casefold(): 0.0 for text in target.good}
    listed = [text.strip() for text in texts.tolist()]
    for index, text in enumerate(listed):
        if text.casefold() not in known:
            expected = f"bad ({', '.join(target.bad)}) or good ({', '.join(target.good)})"
            raise ValueError(f"{place(index, target.column, rows)} is {shown(text)}, not {expected}")
    return np.array([known[text.casefold()] for text in listed])
