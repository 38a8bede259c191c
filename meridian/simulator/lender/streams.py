"""The streams of dated events that a simulated lender keeps: their columns, how soon they are known, how they err."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from meridian import features
from meridian.features import Kind
from meridian.products.consumer_loan.bank import BANK
from meridian.products.consumer_loan.bureau import BUREAU
from meridian.products.consumer_loan.employment import EMPLOYMENT
from meridian.products.consumer_loan.history import HISTORY

Events = dict[str, NDArray[Any]]
"""Columns of a stream's events, of equal length.

`row` is the applicant's place in the chunk, `event_at` and `known_at` are microseconds since 1970 (UTC), texts are
codes into their categories, and a missing day is `NO_DAY`. Where there is a column `shown`, events without it happened
and are on nobody's file.
"""
Type = Literal["int32", "int64", "bool", "day"] | tuple[str, ...]

SECOND = 1_000_000
DAY = 86_400 * SECOND
NO_DAY = int(np.iinfo(np.int32).min)


WHOLE: Mapping[Kind, Type] = {Kind.CENTS: "int64", Kind.DAYS: "int32", Kind.COUNT: "int64", Kind.FLAG: "bool"}
"""How a column is kept unless its stream says otherwise; a text has to say its categories."""


@dataclass(frozen=True)
class Stream:
    """One stream of events of one source: what the product declares, and how the simulation fills it.

    `own` are the types of columns that the declaration leaves open: the categories of a text, a day that may be
    missing, a number kept narrower. `wrong` is the column in which a first report may err. `lag` is the least and
    the most days from an event to when it is known.
    """

    source: str
    declared: features.Stream
    own: Mapping[str, Type]
    wrong: str
    lag: tuple[float, float]

    def __post_init__(self) -> None:
        names = [column.name for column in self.declared.columns]
        if unknown := {*self.own, self.wrong}.difference(names):
            raise ValueError(f"{self.path} has no column {', '.join(sorted(unknown))}; it has {', '.join(names)}")

    @property
    def name(self) -> str:
        """The stream's name within its source: `tradelines`."""
        return self.declared.name

    @property
    def path(self) -> str:
        """The stream's folder among the events: `bureau/tradelines`."""
        return f"{self.source}/{self.name}"

    @cached_property
    def columns(self) -> Mapping[str, Type]:
        """The types of the columns beyond what every event has, in the order in which they are stored."""
        return {one.name: self.own.get(one.name) or WHOLE[one.kind] for one in self.declared.columns}

    @property
    def state(self) -> bool:
        """Whether it tells how things stand, one `key` at one moment.

        There a correction keeps the moment, and nothing is retracted.
        """
        return self.declared.key is not None


def _stream(source: features.Source, name: str, *, wrong: str, lag: tuple[float, float], **own: Type) -> Stream:
    return Stream(source.name, source.stream(name), own, wrong, lag)


TRADELINES = _stream(
    BUREAU,
    "tradelines",
    wrong="balance_cents",
    lag=(5, 20),
    kind=("card", "instalment", "auto", "student", "mortgage"),
    status=("open", "closed", "charged_off", "collection"),
)
INQUIRIES = _stream(BUREAU, "inquiries", wrong="kind", lag=(0, 2), kind=("card", "loan", "auto", "mortgage"))
PUBLIC_RECORDS = _stream(
    BUREAU, "public_records", wrong="amount_cents", lag=(3, 25), kind=("bankruptcy", "lien", "judgment")
)
SCORES = _stream(BUREAU, "scores", wrong="score", lag=(0, 0.02), score="int32")
TRANSACTIONS = _stream(
    BANK,
    "transactions",
    wrong="amount_cents",
    lag=(0.05, 2),
    kind=(
        "salary", "benefit", "rent", "utilities", "loan_payment", "card_payment", "groceries", "cash", "gambling",
        "overdraft_fee", "returned_payment", "transfer_in", "transfer_out", "other",
    ),
)  # fmt: skip
RECORDS = _stream(
    EMPLOYMENT,
    "records",
    wrong="income_cents",
    lag=(1, 12),
    contract=("permanent", "temporary", "self_employed", "none"),
    ended_day="day",
)
LOANS = _stream(HISTORY, "loans", wrong="balance_cents", lag=(0, 1))
REPAYMENTS = _stream(HISTORY, "repayments", wrong="paid_cents", lag=(0, 2))
APPLICATIONS = _stream(
    HISTORY,
    "applications",
    wrong="amount_cents",
    lag=(0, 0.5),
    product=("personal-loan", "credit-card"),
    outcome=("approve", "decline", "withdrawn"),
)
STREAMS = (
    TRADELINES, INQUIRIES, PUBLIC_RECORDS, SCORES, TRANSACTIONS, RECORDS, LOANS, REPAYMENTS, APPLICATIONS,
)  # fmt: skip


def code(stream: Stream, column: str, text: str) -> int:
    """The code of a text among the categories of a column."""
    categories = stream.columns[column]
    if not isinstance(categories, tuple):
        raise TypeError(f"{stream.path}: {column} is no text")
    return categories.index(text)


def first_days(at: NDArray[np.int64]) -> NDArray[np.int32]:
    """Moments as whole days since 1970."""
    return (at // DAY).astype(np.int32)


def days_before(at: NDArray[np.int64], days: NDArray[np.float64]) -> NDArray[np.int64]:
    """Moments some days earlier, to the second."""
    return at - np.ceil(days * 86_400).astype(np.int64) * SECOND
