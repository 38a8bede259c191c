"""Rows of a CSV file that somebody brings along, with their line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from meridian.errors import InvalidInput


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, the cells of these columns), row after row.

    Raises `InvalidInput` where the file cannot be read, lacks a column, or has a row of another length.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            rows = csv.DictReader(opened)
            missing = [name for name in columns if name not in (rows.fieldnames or ())]
            if missing:
                raise InvalidInput(f"{path} has no column {', '.join(missing)}; it has {rows.fieldnames}.")
            for row in rows:
                if None in row or None in row.values():
                    raise InvalidInput(f"{path}, line {rows.line_num}: it has not as many cells as the heading.")
                yield rows.line_num, {name: row[name] for name in columns}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.") from None
