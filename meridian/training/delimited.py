"""Files of delimited text as people have them: which encoding, which separator, which columns, every cell a text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from meridian.errors import InvalidTrainingData
from meridian.extra import need
from meridian.products.training_table import ROW

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 1 << 20
ROWS_LOOKED_AT = 200
LIKE_HEADER = 0.9
"""So many of the first rows must have as many cells as the header for a separator to be the right one."""
MAGIC = {
    b"PK\x03\x04": "a workbook or a zip; save it as CSV",
    b"PAR1": "a Parquet file; write it as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save it as CSV",
    b"%PDF": "a PDF; export the table as CSV",
    b"SQLi": "a database; export the table as CSV",
}
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks, the longer before those they begin with."""


@dataclass(frozen=True)
class Look:
    """What a file looks like from outside."""

    delimiter: str
    encoding: str


def look_at(path: Path) -> Look:
    """Find out how a file is written. Raises `InvalidTrainingData` for what is no table of texts."""
    start = _start(path)
    kind = next((words for magic, words in MAGIC.items() if start.startswith(magic)), None)
    if kind:
        raise InvalidTrainingData(f"{path.name} is {kind}.")
    encoding = _encoding(path, start)
    text = codecs.getincrementaldecoder(encoding)().decode(start).lstrip("\ufeff")
    if not text.strip():
        raise InvalidTrainingData(f"{path.name} is empty; a header and rows of loans are needed.")
    return Look(_delimiter(path, text), encoding)


def read_delimited(path: Path, delimiter: str, encoding: str) -> dict[str, Any]:
    """The columns by their names, as Arrow arrays of texts; see `texts_of`.

    The first row has the names; one without a name is called by its place. Raises `InvalidTrainingData` with the
    row for rows of another length, for names that come twice, and for bytes that are not of that encoding.
    """
    arrow, reading = need("pyarrow"), need("pyarrow.csv")
    names = header_of(path, delimiter, encoding)
    wrong: list[Any] = []

    def note(row: Any) -> str:
        wrong.append(row)
        return "error"

    options = {
        "read_options": reading.ReadOptions(
            column_names=names, encoding=_codec(encoding), use_threads=False, block_size=16 * LOOKED_AT
        ),
        "parse_options": reading.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note, ignore_empty_lines=True
        ),
        "convert_options": reading.ConvertOptions(column_types=dict.fromkeys(names, arrow.string())),
    }
    try:
        with path.open("rb") as raw, _plain(raw) as opened:
            table = reading.read_csv(opened, **options)
    except (arrow.ArrowException, UnicodeError, OSError, EOFError) as error:
        raise InvalidTrainingData(_why_unread(path, encoding, wrong, error)) from None
    return {name: table.column(i).slice(1) for i, name in enumerate(names)}


def header_of(path: Path, delimiter: str, encoding: str) -> list[str]:
    """The names in the first row. Raises `InvalidTrainingData` where one comes twice, or they are no names."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(_start(path)).lstrip("\ufeff")
        first = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except (UnicodeError, csv.Error, LookupError) as error:
        raise InvalidTrainingData(f"The header of {path.name} cannot be read as {encoding}: {error}.") from None
    given = [" ".join(name.split()) for name in first]
    if given and given[0].casefold().startswith("sep="):
        raise InvalidTrainingData(f"{path.name} begins with {given[0]!r}, a note to Excel; take that row out.")
    if given and all(_is_number(name) for name in given):
        raise InvalidTrainingData(
            f"The first row of {path.name} has numbers alone; put a row with the columns' names before."
        )
    names = [name or f"column {place}" for place, name in enumerate(given, start=1)]
    if ROW in names:
        raise InvalidTrainingData(f"{path.name} has a column {ROW!r}, a name that is taken; rename it.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = ", ".join(str(place) for place, name in enumerate(names, start=1) if name == twice[0])
        raise InvalidTrainingData(f"{path.name} has the column {twice[0]!r} at {places}; rename all but one of them.")
    return names


def texts_of(column: Any) -> list[str]:
    """An Arrow column as texts without spaces around them, empty where there is nothing."""
    return ["" if text is None else text.strip() for text in column.to_pylist()]


def _why_unread(path: Path, encoding: str, wrong: list[Any], error: Exception) -> str:
    if wrong:
        row = wrong[0]
        where = f"Row {row.number}" if row.number is not None else "A row"
        return (
            f"{where} of {path.name} has {row.actual_columns} cells, the header {row.expected_columns}: "
            f"{row.text[:80]!r}. A cell that holds the separator stands in double quotes."
        )
    said = str(error).splitlines()[0]
    if isinstance(error, UnicodeError) or "UTF" in said:
        return f"{path.name} has bytes that are not {encoding}: {said}. Save it as UTF-8."
    return f"{path.name} cannot be read as a table: {said}."


def _codec(encoding: str) -> str:
    return "utf8" if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig") else encoding


def _plain(raw: IO[bytes]) -> Any:
    """The file's bytes, decompressed where they are gzip's."""
    zipped = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return gzip.open(raw) if zipped else raw


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as raw, _plain(raw) as opened:
            while chunk := opened.read(LOOKED_AT):
                yield chunk
    except (OSError, EOFError) as error:
        raise InvalidTrainingData(f"{path} cannot be read: {error}.") from None


def _start(path: Path) -> bytes:
    return next(_chunks(path), b"")


def _encoding(path: Path, start: bytes) -> str:
    """By the byte order mark, else UTF-16 by its zeros, else UTF-8 where all bytes are, else what Windows writes."""
    marked = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    if marked:
        return marked
    if b"\x00" in start:
        for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
            if zeros.count(0) > len(zeros) * 0.4:
                return name
        raise InvalidTrainingData(f"{path.name} has zero bytes: it is no text. Save the table as CSV.")
    for name in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            decoder = codecs.getincrementaldecoder(name)()
            for chunk in _chunks(path):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
            return name
    return "latin-1"


def _delimiter(path: Path, text: str) -> str:
    """The separator that gives most columns, of those under which the rows are as long as the header."""
    widths = {}
    for mark in DELIMITERS:
        with suppress(csv.Error):
            first = islice(csv.reader(io.StringIO(text, newline=""), delimiter=mark), ROWS_LOOKED_AT)
            rows = [len(row) for row in first if row]
            rows = rows[:-1] if len(rows) > 2 and len(text) >= LOOKED_AT // 4 else rows
            alike = sum(width == rows[0] for width in rows) / len(rows) if rows else 0.0
            if rows and rows[0] > 1:
                widths[mark] = (alike >= LIKE_HEADER, rows[0] if alike >= LIKE_HEADER else alike)
    if not widths:
        raise InvalidTrainingData(
            f"{path.name} has one column: none of comma, semicolon, tab and | separates its first row, which must have "
            "the columns' names. Save it as CSV."
        )
    return max(widths, key=lambda mark: widths[mark])


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
