"""What is wrong with a table: where, with which value, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    `row` counts the rows of the table from 1, and `name` is what the row is called by; `line` is the line of the file,
    in a spreadsheet the row's number there.
    """

    file: str
    problem: str
    remedy: str
    table: str = ""
    row: int | None = None
    name: str = ""
    column: str = ""
    value: str = ""
    line: int | None = None

    def sentence(self) -> str:
        """All of it in one line."""
        row = "" if self.row is None else f"row {self.row}" + (f" {shown(self.name)}" if self.name else "")
        places = [
            self.file,
            f"line {self.line}" if self.line else "",
            self.table,
            row,
            f"column {self.column}" if self.column else "",
        ]
        return f"{', '.join(filter(None, places))}: {self.problem}; {self.remedy}."

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def shown(value: str) -> str:
    """A value as a message quotes it: in one line, and not for ever."""
    return repr(value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "…")


def nearest(word: str, words: Iterable[str]) -> str:
    """What was probably meant, or what there is to choose from: the end of a remedy."""
    known = sorted(words)
    close = difflib.get_close_matches(word.casefold(), [one.casefold() for one in known], n=1, cutoff=0.6)
    if close:
        return f"write {next(one for one in known if one.casefold() == close[0])}"
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"write one of {', '.join(known[:12])}{more}"
