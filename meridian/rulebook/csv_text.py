"""A policy's tables as CSV, one file each, as a spreadsheet opens and saves them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from meridian.rulebook.book import GUARD, GUARDED, MOST_ROWS, TABLES, Book, Place, Row, decoded, fault_of
from meridian.rulebook.finding import Finding, nearest, shown

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def write_csv(book: Book, table: str) -> str:
    """A table as CSV, with a byte order mark, so that a spreadsheet takes it for the UTF-8 that it is."""
    rows = book.rows(table)
    guards = sorted({field for row in rows for field in row.guards})
    first, *others = TABLES[table]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([first, *(GUARD + field for field in guards), *others])
    for row in rows:
        of_guards = [row.guards.get(field, "") for field in guards]
        writer.writerow([row.cells.get(first, ""), *of_guards, *(row.cells.get(column, "") for column in others)])
    return BOM + out.getvalue()


def book_of_csvs(name: str, files: Mapping[str, tuple[str, bytes]]) -> tuple[Book, list[Finding]]:
    """The book of a name whose tables these files hold: by table, (the file's name, its content)."""
    tables: dict[str, tuple[Row, ...]] = {}
    found: list[Finding] = []
    for table in TABLES:
        if table in files:
            file, content = files[table]
            tables[table] = read_csv(content, table, file, found)
    return Book(name, tables), found


def read_csv(content: bytes, table: str, file: str, found: list[Finding]) -> tuple[Row, ...]:
    """The rows of a table, as far as they can be read; what is wrong with its form is added to `found`."""
    text = decoded(content, file)
    if isinstance(text, Finding):
        found.append(text)
        return ()
    # Where commas stand in numbers, spreadsheets put semicolons between cells.
    header = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = ";" if ";" in header and "," not in header else ","
    if "\t" in header and delimiter not in header:
        found.append(Finding(file, "tabs stand between the cells", "save as CSV with commas", table, line=1))
        return ()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        lines.extend((reader.line_num, cells) for cells in reader if any(cell.strip(" ") for cell in cells))
    except csv.Error as error:
        found.append(
            Finding(file, f"this is not CSV: {error}", "close every quotation mark", table, line=reader.line_num)
        )
        return ()
    if not lines:
        found.append(Finding(file, "the file is empty", "begin it with the line of headers", table))
        return ()
    (line, names), *rest = lines
    headers = [re.sub(" +", " ", name).strip(" ") for name in names]
    if not _headers_hold(headers, Place(file, table, line=line), found):
        return ()
    if len(rest) > MOST_ROWS:
        problem, remedy = f"the table has {len(rest)} rows", f"no more than {MOST_ROWS} are read"
        found.append(Finding(file, problem, remedy, table, line=line))
        return ()
    return tuple(
        _row(headers, cells, Place(file, table, number, cells[headers.index(TABLES[table][0])].strip(" "), at), found)
        for number, (at, cells) in enumerate(rest, 1)
        if _wide(headers, cells, Place(file, table, number, line=at), found)
    )


def _headers_hold(headers: Sequence[str], place: Place, found: list[Finding]) -> bool:
    before = len(found)
    columns = TABLES[place.table]
    for number, name in enumerate(headers, 1):
        field = name.removeprefix(GUARD).strip(" ") if name.startswith(GUARD) and place.table in GUARDED else None
        if name in headers[: number - 1]:
            found.append(place.finding(name, name, f"the header {shown(name)} stands there twice", "leave it once"))
        elif name not in columns and not field:
            what = f"column {number} has no header" if not name else f"{shown(name)} is no column"
            remedy = nearest(name, columns) if name else f"name it, or take it out: {', '.join(columns)}"
            found.append(place.finding(name or str(number), name, what, remedy))
    if columns[0] not in headers and before == len(found):
        found.append(
            place.finding(columns[0], "", f"there is no column {columns[0]}", "begin with the line of headers")
        )
    return before == len(found)


def _wide(headers: Sequence[str], cells: Sequence[str], place: Place, found: list[Finding]) -> bool:
    if len(cells) == len(headers):
        return True
    problem = f"the row has {len(cells)} cells under {len(headers)} headers"
    remedy = "put a cell that has a comma in quotation marks, and leave no cell out"
    found.append(place.finding("", "", problem, remedy))
    return False


def _row(headers: Sequence[str], texts: Sequence[str], place: Place, found: list[Finding]) -> Row:
    cells: dict[str, str] = {}
    guards: dict[str, str] = {}
    for header, raw in zip(headers, texts, strict=True):
        text = raw.strip(" ")
        if fault := fault_of(text, header):
            found.append(place.finding(header, text, *fault))
        elif text and header in TABLES[place.table]:
            cells[header] = text
        elif text:
            guards[header.removeprefix(GUARD).strip(" ")] = text
    return Row(place.row or 0, cells, dict(sorted(guards.items())), place.line)
