"""Card accounts of Taiwan, April to September 2005, as a training table: six monthly snapshots become dated statements.

The file (Yeh, 2016, UCI "Default of Credit Card Clients") has a row for each customer and a column for each month; what
is asked is who defaults in October. The snapshots are unrolled into events, so that the engine which serves live
statements computes the features. Sex, marital status and age are in the file and are no inputs; by sex and age
the card compares how a model treats customers.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.evidence import FORM
from meridian.products.training_table import Columns, Comparison, Members, Split, TrainingTable

FIRST_OF_OCTOBER = date(2005, 10, 1)
NEWEST_FIRST = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
MONTH_ENDS = tuple(
    np.datetime64(day, "us")
    for day in ("2005-09-30", "2005-08-31", "2005-07-31", "2005-06-30", "2005-05-31", "2005-04-30")
)


def _customers(columns: Columns) -> NDArray[np.str_]:
    return np.array([f"taiwan-{number}" for number in columns["ID"].tolist()])


def _whole(column: NDArray[Any], scale: int = 1) -> NDArray[np.int64]:
    numbers = np.round(column.astype(np.float64) * scale)
    if not (np.abs(numbers) < 2**53).all():
        raise ValueError(f"{column[~(np.abs(numbers) < 2**53)][0]!r} is no whole amount")
    return numbers.astype(np.int64)


def statements(columns: Columns) -> dict[str, dict[str, NDArray[Any]]]:
    """The snapshots as events, six of each customer; a statement is known on the day it is made."""
    customers = _customers(columns)
    n, months = len(customers), len(MONTH_ENDS)
    moments = np.repeat(np.array(MONTH_ENDS), n)
    newest = range(1, months + 1)
    return {
        "account/statements": {
            "applicant_id": np.tile(customers, months),
            "event_id": np.repeat(np.arange(months, 0, -1), n),
            "event_at": moments,
            "known_at": moments,
            "revision": np.zeros(n * months, np.int32),
            "retracted": np.zeros(n * months, np.bool_),
            "delay": np.concatenate([_whole(columns[name]) for name in NEWEST_FIRST]),
            "bill_cents": np.concatenate([_whole(columns[f"BILL_AMT{month}"], 100) for month in newest]),
            "paid_cents": np.concatenate([_whole(columns[f"PAY_AMT{month}"], 100) for month in newest]),
        }
    }


def _form(columns: Columns) -> dict[str, dict[str, NDArray[Any]]]:
    return {FORM: {"limit": columns["LIMIT_BAL"].astype(np.float64)}}


def _by_sex(columns: Columns) -> Members:
    return columns["SEX"] == "2", columns["SEX"] == "1"


def _by_age(columns: Columns) -> Members:
    """Applicants of 62 and older are the elderly of Regulation B (12 CFR 1002.2(o))."""
    ages = columns["AGE"].astype(np.float64)
    return ages >= 62, ages < 62


TAIWAN = TrainingTable(
    name="Card accounts, Taiwan 2005",
    columns=(
        "ID", "LIMIT_BAL", *NEWEST_FIRST, *(f"BILL_AMT{month}" for month in range(1, 7)),
        *(f"PAY_AMT{month}" for month in range(1, 7)), "default.payment.next.month",
    ),
    leaks=(),
    lender_outputs=(),
    fields=_form,
    target=lambda columns: columns["default.payment.next.month"].astype(np.float64),
    split=Split.by_lot(seed=2005),
    applicant=_customers,
    cut_off=lambda columns: np.full(len(columns["ID"]), np.datetime64(FIRST_OF_OCTOBER, "us")),
    unrolled=statements,
    protected=("SEX", "MARRIAGE", "AGE"),
    compared=(
        Comparison("women", "men", ("SEX",), _by_sex),
        Comparison("62 and older", "under 62", ("AGE",), _by_age),
    ),
)  # fmt: skip
