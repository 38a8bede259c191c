"""A policy as tables of texts: what a file holds, whichever way it is written, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meridian.rulebook.finding import Finding, shown

LARGEST = 1_000_000
"""Bytes of a file that are read; the largest policy that is known of has a hundredth."""
MOST_ROWS = 500
LONGEST = 500
"""Characters of one cell."""
GUARD = "if "
"""What the column of a guard begins with, in a spreadsheet."""

RULES, BANDS, PRICES = "rules", "bands", "prices"
TABLES: Mapping[str, tuple[str, ...]] = {
    RULES: (
        "rule", "field", "hits", "effect", "reason", "unknown", "unknown_reason", "since", "until", "meaning",
    ),
    BANDS: ("rung", "approve_below", "decline_above", "limit_cap", "valid_for_days"),
    PRICES: ("pd_below", "apr"),
}  # fmt: skip
"""By table, its columns; the first is what a row is called by."""
GUARDED = (RULES, BANDS)
"""The tables whose rows may have guards."""


@dataclass(frozen=True)
class Row:
    """One row: its filled cells by column and its guards by field. `line` is where it stands, and no part of it."""

    number: int
    cells: Mapping[str, str]
    guards: Mapping[str, str] = field(default_factory=dict)
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Book:
    """A policy's name, and its tables."""

    name: str
    tables: Mapping[str, tuple[Row, ...]]

    def rows(self, table: str) -> tuple[Row, ...]:
        """The rows of a table, none where there is no such table."""
        return self.tables.get(table, ())


@dataclass(frozen=True)
class Place:
    """Where in a file a finding is."""

    file: str
    table: str = ""
    row: int | None = None
    name: str = ""
    line: int | None = None

    def finding(self, column: str, value: str, problem: str, remedy: str) -> Finding:
        """Something wrong with a cell here, or with the row where there is no column."""
        return Finding(self.file, problem, remedy, self.table, self.row, self.name, column, value, self.line)


def place_of(file: str, table: str, row: Row) -> Place:
    """Where a row stands."""
    return Place(file, table, row.number, row.cells.get(TABLES[table][0], ""), row.line)


def fault_of(text: str, column: str) -> tuple[str, str] | None:
    """(problem, remedy) of a cell's text that no cell may have, whatever it should say; None: it may be read."""
    if len(text) > LONGEST:
        return f"the cell has {len(text)} characters", f"shorten it to {LONGEST}"
    if "\N{REPLACEMENT CHARACTER}" in text:
        return f"{shown(text)} has a character that was lost in an encoding", "write it again, and save as UTF-8"
    for mark in text:
        if mark in "\t\n\r":
            return f"{shown(text)} has a tab or a line break", "write it in one line, with spaces"
        if mark != " " and not mark.isprintable():
            return f"{shown(text)} has the invisible character U+{ord(mark):04X}", "put a plain space, or nothing"
    if text.startswith("#") and text.endswith(("!", "?", "/A")):
        return f"{shown(text)} is a spreadsheet's error", "write the value itself"
    if text.startswith(("=", "+", "@")) or (column == "meaning" and text.startswith("-")):
        return f"{shown(text)} is read as a formula by a spreadsheet", "write the value itself, without the mark"
    return None


def decoded(content: bytes, file: str) -> str | Finding:
    """A file's text, or why there is none."""
    if len(content) > LARGEST:
        return Finding(file, f"the file has {len(content)} bytes", f"no more than {LARGEST} are read; split it")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Finding(file, "the file is UTF-16", "save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        value = content[error.start : error.start + 1].hex()
        return Finding(file, f"byte {value} is no UTF-8", "save the file as UTF-8", line=line, value=value)
    if "\0" in text:
        return Finding(
            file,
            "the file has a NUL character",
            "save it as plain text in UTF-8",
            line=text[: text.index("\0")].count("\n") + 1,
        )
    if not text.strip():
        return Finding(file, "the file is empty", "write the tables, or take the file away")
    return text
