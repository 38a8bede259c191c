"""The streams of dated events that a simulated lender keeps: their columns, how soon they are known, how they err."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Stream:
    """One stream of events of one source.

    `columns` are those beyond what every event has: a number, a truth value, a day that may be missing, or the
    categories of a text. `wrong` is the column in which a first report may err. `lag` is the least and the most days
    from an event to when it is known. A stream with `state` tells how things stand, one `key` at one moment: there a
    correction keeps the moment, and nothing is retracted.
    """

    source: str
    name: str
    columns: Mapping[str, Type]
    wrong: str
    lag: tuple[float, float]
    state: bool = False

    @property
    def path(self) -> str:
        """The stream's folder among the events: `bureau/tradelines`."""
        return f"{self.source}/{self.name}"


TRADELINES = Stream(
    "bureau",
    "tradelines",
    {
        "key": "int64",
        "kind": ("card", "instalment", "auto", "student", "mortgage"),
        "opened_day": "int32",
        "limit_cents": "int64",
        "balance_cents": "int64",
        "payment_cents": "int64",
        "days_past_due": "int32",
        "past_due_cents": "int64",
        "status": ("open", "closed", "charged_off", "collection"),
    },
    wrong="balance_cents",
    lag=(5, 20),
    state=True,
)
INQUIRIES = Stream("bureau", "inquiries", {"kind": ("card", "loan", "auto", "mortgage")}, wrong="kind", lag=(0, 2))
PUBLIC_RECORDS = Stream(
    "bureau",
    "public_records",
    {"kind": ("bankruptcy", "lien", "judgment"), "amount_cents": "int64"},
    wrong="amount_cents",
    lag=(3, 25),
)
SCORES = Stream("bureau", "scores", {"score": "int32"}, wrong="score", lag=(0, 0.02))
TRANSACTIONS = Stream(
    "bank",
    "transactions",
    {
        "kind": (
            "salary", "benefit", "rent", "utilities", "loan_payment", "card_payment", "groceries", "cash", "gambling",
            "overdraft_fee", "returned_payment", "transfer_in", "transfer_out", "other",
        ),
        "amount_cents": "int64",
        "balance_cents": "int64",
    },
    wrong="amount_cents",
    lag=(0.05, 2),
)  # fmt: skip
EMPLOYMENT = Stream(
    "employment",
    "records",
    {
        "key": "int64",
        "contract": ("permanent", "temporary", "self_employed", "none"),
        "started_day": "int32",
        "ended_day": "day",
        "income_cents": "int64",
    },
    wrong="income_cents",
    lag=(1, 12),
    state=True,
)
LOANS = Stream(
    "history",
    "loans",
    {
        "key": "int64",
        "opened_day": "int32",
        "principal_cents": "int64",
        "balance_cents": "int64",
        "days_late": "int32",
        "closed": "bool",
    },
    wrong="balance_cents",
    lag=(0, 1),
    state=True,
)
REPAYMENTS = Stream(
    "history",
    "repayments",
    {"key": "int64", "due_cents": "int64", "paid_cents": "int64", "days_late": "int32"},
    wrong="paid_cents",
    lag=(0, 2),
)
APPLICATIONS = Stream(
    "history",
    "applications",
    {
        "product": ("personal-loan", "credit-card"),
        "amount_cents": "int64",
        "outcome": ("approve", "decline", "withdrawn"),
    },
    wrong="amount_cents",
    lag=(0, 0.5),
)
STREAMS = (
    TRADELINES, INQUIRIES, PUBLIC_RECORDS, SCORES, TRANSACTIONS, EMPLOYMENT, LOANS, REPAYMENTS, APPLICATIONS,
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
