"""Streams: what a source tells of an applicant, as dated events with two times each.

`event_at` is when it happened, `known_at` when the lender could know it. Nothing is used before it was both,
so that a late report or a correction never leaks into the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column of an event holds. All numbers are whole, so that a sum is the same in whichever order."""

    CENTS = "cents"
    DAYS = "days"
    COUNT = "count"
    FLAG = "flag"
    TEXT = "text"

    @property
    def scale(self) -> int:
        """What an aggregate is divided by: money is kept in cents and spoken of in whole units."""
        return 100 if self is Kind.CENTS else 1


@dataclass(frozen=True)
class Column:
    """One column of a stream's events."""

    name: str
    kind: Kind
    meaning: str


COMMON = ("applicant_id", "event_id", "event_at", "known_at", "revision", "retracted")
"""What every event has: whose it is, its number among the applicant's events of the stream, its two times, which
version of the event this is (0 for the first), and whether this version takes the event back."""


@dataclass(frozen=True)
class Stream:
    """Events of one kind.

    Without a `key`, each event is a fact: its versions share `event_id`, and of those known the one with the
    highest `revision` stands. With a `key` (say, an account's number) each event reports the state of that thing:
    of the reports known, the one of the latest `event_at` stands, and among those of one moment the highest
    `revision`. A report is corrected by one of the same moment; one that is taken back says that the thing is no more.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: str | None = None
    stored_as: str | None = None
    """The stream whose events these are too, where one kind of event is read both as facts and as states."""

    def __post_init__(self) -> None:
        names = [*COMMON, *(column.name for column in self.columns)]
        if len(set(names)) < len(names) or (self.key is not None and self.key not in names):
            raise ValueError(f"the stream {self.name} names a column twice, or a key that is no column of it")

    def column(self, name: str) -> Column:
        """The column of that name. Raises `KeyError`."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"the stream {self.name} has no column {name}")

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The names of all columns that an event of this stream is stored with."""
        return (*COMMON, *(column.name for column in self.columns))

    def describe(self) -> dict[str, object]:
        """The definition as JSON values, for fingerprints."""
        return {
            "name": self.name,
            "key": self.key,
            "stored_as": self.stored_as,
            "columns": [[column.name, column.kind.value] for column in self.columns],
        }
