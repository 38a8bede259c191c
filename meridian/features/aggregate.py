"""Aggregates: what a stream's events come to at one moment. Defined once, run by one engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from meridian.features.stream import Kind, Stream


class Op(StrEnum):
    """How events become a number.

    COUNT, SUM and DISTINCT (of a column's values) are 0 where there is no such event; the others are missing:
    MEAN, LOWEST, HIGHEST, LAST (of the newest event), and whole days SINCE_LAST and SINCE_FIRST such event.
    """

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    LOWEST = "lowest"
    HIGHEST = "highest"
    LAST = "last"
    DISTINCT = "distinct"
    SINCE_LAST = "since_last"
    SINCE_FIRST = "since_first"

    @property
    def of_nothing(self) -> float:
        """What it comes to without any event: zero, or NaN for missing."""
        return 0.0 if self in (Op.COUNT, Op.SUM, Op.DISTINCT) else float("nan")


class Compare(StrEnum):
    """How a condition holds a column against its value."""

    IS = "="
    IS_NOT = "<>"
    BELOW = "<"
    ABOVE = ">"
    AT_LEAST = ">="
    MISSING = "IS NULL"
    PRESENT = "IS NOT NULL"


@dataclass(frozen=True)
class Where:
    """A condition on one column; a text is compared with any of several, a column that is MISSING with nothing."""

    column: str
    compare: Compare
    value: float | bool | str | tuple[str, ...] = ()


@dataclass(frozen=True)
class Aggregate:
    """One field of a source, from the events of one stream.

    Of the events that stand at a moment it takes those of the last `days`, or the `newest` so many (all, where both are
    None), that meet every condition. Money comes out in whole units.
    """

    name: str
    stream: str
    op: Op
    column: str | None = None
    days: int | None = None
    where: Sequence[Where] = field(default=())
    newest: int | None = None

    def check(self, stream: Stream) -> None:
        """Hold it against its stream. Raises `KeyError` or `ValueError` for what the stream cannot answer."""
        takes_column = self.op not in (Op.COUNT, Op.SINCE_LAST, Op.SINCE_FIRST)
        if takes_column != (self.column is not None):
            raise ValueError(f"{self.name}: {self.op} takes {'a' if takes_column else 'no'} column")
        for name in [self.column, *(where.column for where in self.where)]:
            if name is not None:
                stream.column(name)
        if self.column is not None and self.op is not Op.DISTINCT and stream.column(self.column).kind is Kind.TEXT:
            raise ValueError(f"{self.name}: {self.op} needs a number, and {self.column} is a text")

    def describe(self) -> dict[str, object]:
        """The definition as JSON values, for fingerprints."""
        return {
            "name": self.name,
            "stream": self.stream,
            "op": self.op.value,
            "column": self.column,
            "days": self.days,
            "newest": self.newest,
            "where": [[where.column, where.compare.value, where.value] for where in self.where],
        }
