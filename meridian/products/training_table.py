"""What a product can be trained on: past loans with their outcome, and how they are split to train and to test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.application import month_index

Columns = Mapping[str, NDArray[Any]]
PARTS = 20
ROW = "#row"
"""The place of each loan in its file, counted from 0, where loans were left out. No column is called so."""


@dataclass(frozen=True)
class Split:
    """Which loans train and which test.

    Each loan has a period, a whole number; those of `first_test` and later test. `at_random` says that the periods are
    parts drawn by `seed`, because the loans have no time; else they are months, `year * 12 + month - 1`.
    """

    first_test: int
    at_random: bool = False
    seed: int = 0

    @classmethod
    def out_of_time(cls, train_before: date) -> Split:
        """Loans before this day's month train, later ones test."""
        return cls(month_index(train_before))

    @classmethod
    def by_lot(cls, seed: int, test_share: float = 0.3) -> Split:
        """A share of the loans, drawn at random, tests."""
        return cls(round(PARTS * (1 - test_share)), True, seed)

    def parts(self, loans: int) -> NDArray[np.int64]:
        """The period of each of so many loans where it is drawn: twenty parts of equal size."""
        return np.random.default_rng(self.seed).permutation(loans) * PARTS // loans

    def parts_of(self, owners: NDArray[Any]) -> NDArray[np.int64]:
        """The same where loans of one owner stay in one part: no model is tested on whom it has learnt."""
        _, owner = np.unique(owners, return_inverse=True)
        return self.parts(int(owner.max()) + 1 if len(owner) else 0)[owner]

    def describe(self) -> dict[str, str]:
        """The split in words, for lineages."""
        if self.at_random:
            share = self.first_test / PARTS
            return {
                "train": f"{share:.0%} drawn at random, seed {self.seed}",
                "test": f"the other {1 - share:.0%}",
            }
        return {"train": f"before {self._day(self.first_test)}", "test": f"from {self._day(self.first_test)} on"}

    def since(self, period: int) -> str:
        """Words for the training loans from a period on."""
        if self.at_random:
            return f"{self.first_test - period} of the {self.first_test} parts drawn to train"
        return f"training loans from {self._day(period)} on"

    @staticmethod
    def _day(period: int) -> date:
        return date(period // 12, period % 12 + 1, 1)


@dataclass(frozen=True)
class Dialect:
    """How a file of texts is written: what separates the columns, the encoding, and what (in lower case) is nothing."""

    delimiter: str
    encoding: str
    missing: frozenset[str]


Members = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""By loan: who is in a group, and who in its control. Whose membership is not known is in neither."""


@dataclass(frozen=True)
class Comparison:
    """Two groups of applicants whose treatment is compared: a group, and the control that it is held against.

    `columns` are the protected columns that say who belongs to which, `members` reads them, as texts, beside the
    table's own. Membership is for measuring alone; it is never an input.
    """

    group: str
    control: str
    columns: tuple[str, ...]
    members: Callable[[Columns], Members]


@dataclass(frozen=True)
class TrainingTable:
    """A table of past loans that this product can be trained on.

    `columns` are read, `leaks` were known only after the decision and are refused by name when asked
    for, `lender_outputs` are neither. `fields` turns the raw columns into the fields of each source that comes with
    an application, exactly as it would have come; `target` into 1.0 for a default; `period` into the split's
    periods, not needed where it draws them. No input may read what is `protected`; `compared` says which groups it
    tells apart, and nothing else reads it.

    Where sources are looked up, `applicant` gives whose loan each is and `cut_off` the moment (UTC) up to which
    their events may be used; the events come with the table (`unrolled`) or from a folder beside it.
    """

    name: str
    columns: tuple[str, ...]
    leaks: tuple[str, ...]
    lender_outputs: tuple[str, ...]
    fields: Callable[[Columns], Mapping[str, Mapping[str, Any]]]
    target: Callable[[Columns], NDArray[np.float64]]
    split: Split
    period: Callable[[Columns], NDArray[np.int64]] | None = None
    applicant: Callable[[Columns], NDArray[np.str_]] | None = None
    cut_off: Callable[[Columns], NDArray[np.datetime64]] | None = None
    unrolled: Callable[[Columns], Mapping[str, Mapping[str, NDArray[Any]]]] | None = None
    """(columns) -> the events of each stream, `source/stream`, as columns: for tables of dated snapshots."""
    outcome: str | None = None
    """In a folder of Parquet parts, the column whose loans without a value are left out: nobody knows how they end."""
    declined: tuple[str, str] | None = None
    """In such a folder, the column that says how the lender decided, and its text for a decline."""
    dialect: Dialect | None = None
    """How the file is written, where that is known; else it is found out."""
    protected: tuple[str, ...] = ()
    compared: tuple[Comparison, ...] = ()

    @property
    def membership_columns(self) -> tuple[str, ...]:
        """The protected columns that tell the compared groups apart, each once."""
        return tuple(dict.fromkeys(name for one in self.compared for name in one.columns))
