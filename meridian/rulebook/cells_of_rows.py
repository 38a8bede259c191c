"""The cells of a row, one by one, read as what their column holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from meridian.policy.cells import AnyCell, Cell, Kind
from meridian.policy.grammar import BadCell, parse_cell, parse_number
from meridian.policy.rules import Guard
from meridian.rulebook.book import GUARD, Place, Row
from meridian.rulebook.finding import Finding, nearest, shown
from meridian.rulebook.vocabulary import Field, Vocabulary

T = TypeVar("T")


@dataclass(frozen=True)
class Reader:
    """Reads the cells of one row; what is wrong with them is added to `found`."""

    row: Row
    place: Place
    vocabulary: Vocabulary
    found: list[Finding]

    def wrong(self, column: str, problem: str, remedy: str) -> None:
        """Note what is wrong with a cell."""
        value = self.row.cells.get(column, "")
        if column.startswith(GUARD):
            value = self.row.guards[column.removeprefix(GUARD)]
        self.found.append(self.place.finding(column, value, problem, remedy))

    def text(self, column: str) -> str:
        """A text that has to be there; empty where it is not."""
        text = self.row.cells.get(column, "")
        if not text:
            remedy = "fill it in; where cells were merged, in every row"
            self.found.append(self.place.finding(column, "", f"{column} is empty", remedy))
        return text

    def one_of(self, column: str, words: Sequence[str], default: str = "") -> str:
        """One of some words; `default` where it is empty, or else it has to be there."""
        text = self.row.cells.get(column, "") or default or self.text(column)
        if text and text not in words:
            self.wrong(column, f"{shown(text)} is none of what {column} may be", nearest(text, words))
            return ""
        return text

    def reason(self, column: str, effect: str) -> str:
        """A reason's code that has to be there, and among the product's; a passing one declines nobody."""
        code = self.text(column)
        if code and code not in self.vocabulary.reasons:
            self.wrong(column, f"{shown(code)} is no reason of this product", nearest(code, self.vocabulary.reasons))
            return ""
        if effect == "decline" and code in self.vocabulary.passing:
            self.wrong(column, f"{code} is a passing reason, and the rule declines", "give a lasting one, or refer")
            return ""
        return code

    def day(self, column: str) -> date | None:
        """A day, or None where there is none."""
        text = self.row.cells.get(column, "")
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or day.isoformat() != text:
            self.wrong(
                column, f"{shown(text)} is no day as YYYY-MM-DD", "write it so, and set the column's format to text"
            )
            return None
        return day

    def number(self, column: str, kind: Kind, low: int, high: int, *, needed: bool = True) -> Decimal | None:
        """A number from `low` to `high`; None where there is none, or none that can be used."""
        text = self.text(column) if needed else self.row.cells.get(column, "")
        if not text:
            return None
        try:
            number = parse_number(text, kind)
        except BadCell as bad:
            self.wrong(column, bad.problem, bad.remedy)
            return None
        if not low <= number <= high:
            top = "100 %" if kind is Kind.SHARE else str(high)
            self.wrong(column, f"{shown(text)} is not from {low} to {top}", "write one within; a share as 12 %")
            return None
        return number

    def field(self, name: str, column: str) -> Field | None:
        """A field of the product's."""
        field = self.vocabulary.fields.get(name)
        if field is None and name in self.vocabulary.not_read:
            self.wrong(column, f"{shown(name)} is nothing that a row may read", "name a feature that is made from it")
        elif field is None:
            self.wrong(column, f"{shown(name)} is no field of this product", nearest(name, self.vocabulary.fields))
        return field

    def cell(self, text: str, field: Field, column: str) -> Cell | None:
        """A cell of a field's, which something can meet."""
        try:
            cell = parse_cell(text, field.kind)
        except BadCell as bad:
            self.wrong(column, bad.problem, bad.remedy)
            return None
        if field.kind is Kind.WORD and not isinstance(field.domain, AnyCell) and not isinstance(cell, AnyCell):
            for word in sorted(cell.words - field.domain.words):  # type: ignore[union-attr]
                known = field.domain.words  # type: ignore[union-attr]
                self.wrong(column, f"{shown(word)} is nothing that {field.name} can be", nearest(word, known))
                return None
        if cell.empty or field.domain.common(cell).empty:
            within = "" if isinstance(field.domain, AnyCell) else f": {field.name} is one of {field.domain.text}"
            self.wrong(column, f"nothing can meet {shown(text)}", f"write what should be met{within}")
            return None
        return cell

    def guards(self) -> tuple[Guard, ...]:
        """The guards that say something."""
        guards = []
        for name, text in self.row.guards.items():
            field = self.field(name, GUARD + name)
            cell = self.cell(text, field, GUARD + name) if field else None
            if cell is not None and not isinstance(cell, AnyCell):
                guards.append(Guard(name, cell))
        return tuple(guards)
