"""What came of a batch as files: CSV, NDJSON and Parquet, by the end of the file's name."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from meridian.bulk.reading import AT_ONCE, Form
from meridian.extra import need

RESULTS = (
    "row", "application_ref", "decision_id", "outcome", "pd", "points", "band", "reasons", "limit", "apr", "term",
)  # fmt: skip
"""What is said of a row that was decided; `reasons` are codes, in a text one after the other."""
REJECTS = ("row", "column", "value", "expected")
"""What is said of a row that was not: a line for each thing that is wrong with it."""
WHOLE, FRACTIONS = ("row", "points"), ("pd", "limit", "apr", "term")


def write_rows(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows of these columns and say how many. Raises `InvalidInput` for a name that says no form."""
    form = Form.of_name(path.name)
    if form is Form.PARQUET:
        return _parquet(path, columns, iter(rows))
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in _csv(columns, rows) if form is Form.CSV else _ndjson(rows):
            count += file.write(line) > 0
    return count - (form is Form.CSV)


def as_text(form: Form, columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The same as lines of text, for CSV and NDJSON."""
    return _csv(columns, rows) if form is Form.CSV else _ndjson(rows)


class _Line:
    """What a CSV writer writes to: it gives the line back."""

    def write(self, line: str) -> str:
        return line


def _csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_cell(row[name]) for name in columns])


def _ndjson(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, separators=(",", ":")) + "\n"


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(value)
    # What a spreadsheet would take for a formula is a text of somebody else's.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value[:1] else value


def _parquet(path: Path, columns: tuple[str, ...], rows: Iterator[Mapping[str, Any]]) -> int:
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    kinds = {name: arrow.int64() for name in WHOLE} | {name: arrow.float64() for name in FRACTIONS}
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in columns])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        while some := list(islice(rows, AT_ONCE)):
            count += len(some)
            values = {name: [_joined(row[name]) for row in some] for name in columns}
            writer.write_table(arrow.table(values, schema=schema))
    return count


def _joined(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value
