"""Files of applications: CSV, NDJSON and Parquet, read some rows at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from io import BufferedIOBase
from typing import Any

from meridian.application.repeats import repeated_fields
from meridian.bulk.columns import Column
from meridian.bulk.rows import Row, body_of, columns_in, nested, rejected
from meridian.errors import InvalidInput
from meridian.extra import need

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 65_536
SHOWN_CHARACTERS = 80
DELIMITERS = ",;\t|"
AT_ONCE = 2_000
"""Rows of a Parquet file that are read at a time."""

Columns = Mapping[str, Column]


class Form(StrEnum):
    """How a file of applications is written."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"

    @classmethod
    def of_name(cls, name: str) -> Form:
        """By the end of a file's name. Raises `InvalidInput`."""
        ends = {".csv": cls.CSV, ".ndjson": cls.NDJSON, ".jsonl": cls.NDJSON, ".parquet": cls.PARQUET}
        for end, form in ends.items():
            if name.lower().endswith(end):
                return form
        raise InvalidInput(
            f"{name} is none of {', '.join(ends)}; how a file is written is said by the end of its name."
        )


def read_rows(form: Form, file: BufferedIOBase, product: str, columns: Columns) -> Iterator[Row]:
    """The rows of a file, each a request or a reject. Raises `InvalidInput` where nothing can be read."""
    return READERS[form](file, product, columns)


def _csv(file: BufferedIOBase, product: str, columns: Columns) -> Iterator[Row]:
    """A line is a row, so that a quote that nobody closed spoils one row and not all that follow."""
    header = file.readline(LONGEST_LINE).removeprefix(BOM)
    try:
        line = header.decode()
    except UnicodeDecodeError:
        raise InvalidInput("The file's first line is not UTF-8; save the file as UTF-8.") from None
    if not line.strip():
        raise InvalidInput("The file is empty: its first line has no names of columns.")
    delimiter = max(DELIMITERS, key=line.count)
    try:
        names = _cells(line, delimiter)
    except csv.Error:
        raise InvalidInput("A quote in the file's first line does not end, or ends within a name.") from None
    named = columns_in(names, columns)
    for number, raw in _lines(file):
        yield _csv_row(number, raw, delimiter, named, product)


def _csv_row(number: int, raw: bytes, delimiter: str, named: list[Column], product: str) -> Row:
    if len(raw) > LONGEST_LINE:
        return rejected(number, "", f"{len(raw):,} bytes", f"a line of at most {LONGEST_LINE:,}")
    try:
        cells = _cells(raw.decode(), delimiter)
    except UnicodeDecodeError as error:
        return rejected(number, "", f"byte {raw[error.start]:#x} at {error.start + 1}", "UTF-8")
    except csv.Error:
        return rejected(number, "", "a quote that does not end, or ends within a cell", "both quotes in one line")
    if len(cells) != len(named):
        return rejected(number, "", f"{len(cells)} cells", f"{len(named)}, one for each column")
    stripped = (cell.strip() for cell in cells)
    values = {column: column.of_text(cell) if cell else None for column, cell in zip(named, stripped, strict=True)}
    return Row(number, body_of(product, values))


def _cells(line: str, delimiter: str) -> list[str]:
    text = line.rstrip("\r\n")
    if '"' not in text:
        return text.split(delimiter)
    return next(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))


def _ndjson(file: BufferedIOBase, product: str, columns: Columns) -> Iterator[Row]:
    for number, raw in _lines(file, first=True):
        yield _ndjson_row(number, raw, product, columns)


def _ndjson_row(number: int, raw: bytes, product: str, columns: Columns) -> Row:
    try:
        document = json.loads(raw, parse_constant=_no_constant)
    except ValueError as error:
        return rejected(number, "", _shown(raw), f"one JSON object a line ({error})")
    except RecursionError:
        return rejected(number, "", "objects within objects", "fewer than some hundred within each other")
    if not isinstance(document, dict):
        return rejected(number, "", _shown(raw), "one JSON object a line")
    if repeated := repeated_fields(raw):
        return rejected(number, repeated[0].removeprefix("/"), "more than one value", "the field once")
    return Row(number, json.dumps(nested(product, document, columns)))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _lines(file: BufferedIOBase, *, first: bool = False) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers; of one that is too long, one byte more than is allowed."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number, end = number + 1, line
        while not end.endswith(b"\n") and (end := file.readline(LONGEST_LINE + 1)):
            pass
        if first and number == 1:
            line = line.removeprefix(BOM)
        if line.strip():
            yield number, line


def _parquet(file: BufferedIOBase, product: str, columns: Columns) -> Iterator[Row]:
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    try:
        opened = parquet.ParquetFile(file)
    except (arrow.ArrowException, OSError) as error:
        raise InvalidInput(f"The file is no Parquet that can be read: {error}.") from None
    names = opened.schema_arrow.names
    flat = not any(arrow.types.is_struct(kind) for kind in opened.schema_arrow.types)
    named = columns_in(names, columns) if flat else []
    for number, values in enumerate(_parquet_rows(opened, (arrow.ArrowException, OSError)), 1):
        try:
            if flat:
                cells = {column: column.of_value(values[name]) for column, name in zip(named, names, strict=True)}
                yield Row(number, body_of(product, cells))
            else:
                document = {name: value for name, value in values.items() if value is not None}
                yield Row(number, json.dumps(nested(product, document, columns), default=str))
        except (TypeError, ValueError) as error:
            yield rejected(number, "", str(error), "numbers, texts, days, true and false")


def _parquet_rows(opened: Any, broken: tuple[type[Exception], ...]) -> Iterator[dict[str, Any]]:
    try:
        for batch in opened.iter_batches(batch_size=AT_ONCE):
            yield from batch.to_pylist()
    except broken as error:
        raise InvalidInput(f"The file cannot be read from here on: {error}.") from None


def _shown(raw: bytes) -> str:
    text = raw[: SHOWN_CHARACTERS + 1].decode(errors="replace").strip()
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


READERS: dict[Form, Callable[[BufferedIOBase, str, Columns], Iterator[Row]]] = {
    Form.CSV: _csv,
    Form.NDJSON: _ndjson,
    Form.PARQUET: _parquet,
}
