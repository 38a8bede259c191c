"""A table of past loans as it was found: texts by column, the loans whose end is known, and when they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData
from meridian.products.own.document import SplitLine, Target
from meridian.products.own.table import outcomes
from meridian.products.own.values import DATES, MISSING_MARKS, days, is_missing, months_of, place
from meridian.products.training_table import Split
from meridian.training.delimited import Look, look_at, read_delimited, texts_of
from meridian.training.drafting.outcome import find_target
from meridian.training.drafting.recognise import recognise
from meridian.training.drafting.wishes import Wishes
from meridian.training.fit import CALIBRATION_SHARE, LEAST_DEFAULTS

Texts = NDArray[np.str_]
TRAINS = 0.7
SEED = 20_110_101


@dataclass(frozen=True)
class Loans:
    """The loans whose end is known.

    `texts` has every column but those that were named for an end of their own; `rows` the place of each loan in the
    file; `without_outcome` how many were left out.
    """

    look: Look
    header: tuple[str, ...]
    texts: Mapping[str, list[str]]
    rows: NDArray[np.int64]
    target: Target
    defaulted: NDArray[np.float64]
    without_outcome: int
    marks: frozenset[str]


def read_loans(wishes: Wishes) -> Loans:
    """Read the file. Raises `InvalidTrainingData` where it is no table, or the target tells no outcomes."""
    if not wishes.data.is_file():
        raise InvalidTrainingData(f"There is no file {wishes.data}.")
    look = look_at(wishes.data)
    arrow = read_delimited(wishes.data, look.delimiter, look.encoding)
    wishes.check(list(arrow))
    marks = frozenset({*MISSING_MARKS, *(mark.casefold() for mark in wishes.missing)})
    outcome = texts_of(arrow[wishes.target])
    target = find_target(wishes.target, outcome, marks, wishes.bad)
    ended = np.array([not is_missing(text, marks) for text in outcome], dtype=np.bool_)
    rows = np.flatnonzero(ended)
    defaulted = outcomes(np.array(outcome, dtype=np.str_)[rows], target, rows)
    keep = rows.tolist()
    texts = {name: _of_rows(texts_of(column), keep) for name, column in arrow.items() if name != wishes.target}
    return Loans(look, tuple(arrow), texts, rows, target, defaulted, len(outcome) - len(rows), marks)


def _of_rows(texts: list[str], rows: list[int]) -> list[str]:
    return texts if len(rows) == len(texts) else [texts[row] for row in rows]


@dataclass(frozen=True)
class Moments:
    """When the loans were applied for: the column's form, and the days since 1970."""

    form: str
    days: NDArray[np.float64]


def moments_of(loans: Loans, wishes: Wishes) -> Moments | None:
    """The days of the applications, where a column of the time was named. Raises `InvalidTrainingData`."""
    if wishes.time is None:
        return None
    texts = loans.texts[wishes.time]
    found = recognise(wishes.time, texts, loans.marks, ".", wishes.dates, loans.rows, is_time=True)
    if found.kind != "date":
        forms = ", ".join(list(DATES)[:8])
        raise InvalidTrainingData(
            f"--time: {wishes.time!r} is no column of days, e.g. {next(iter(texts))!r}. Days are read as {forms}, …"
        )
    moments = days(np.array(texts, dtype=np.str_), wishes.time, DATES[found.form], loans.marks, loans.rows)
    unknown = np.flatnonzero(np.isnan(moments))
    if len(unknown):
        raise InvalidTrainingData(
            f"{place(int(unknown[0]), wishes.time, loans.rows).capitalize()} is empty; every loan needs the day of its "
            "application. Correct it, or leave out --time."
        )
    return Moments(found.form, moments)


def choose_split(loans: Loans, moments: Moments | None, entity: str | None) -> tuple[SplitLine, NDArray[np.bool_], str]:
    """How loans are split, which of them train, and a note: out of time where the months allow it, else by lot."""
    note = ""
    if moments is not None:
        months = months_of(moments.days).astype(np.int64)
        first = _first_test_month(months, loans.defaulted)
        if first is not None:
            day = f"{first // 12:04d}-{first % 12 + 1:02d}-01"
            return SplitLine(test_from=day, entity=entity), months < first, ""
        note = "The loans' months have too few defaults to test out of time, so that a lot decides who tests."
    split = Split.by_lot(SEED, 1 - TRAINS)
    if entity is None:
        parts = split.parts(len(loans.defaulted))
    else:
        parts = split.parts_of(np.array(loans.texts[entity], dtype=np.str_))
    if not _enough(parts, split.first_test, loans.defaulted):
        raise InvalidTrainingData(
            f"{len(loans.rows):,} loans with {int(loans.defaulted.sum()):,} defaults are too few: to learn from, to "
            f"calibrate on and to test on, each needs at least {LEAST_DEFAULTS} that defaulted and that did not."
        )
    return SplitLine(test_share=round(1 - TRAINS, 2), seed=SEED, entity=entity), parts < split.first_test, note


def _first_test_month(months: NDArray[np.int64], defaulted: NDArray[np.float64]) -> int | None:
    """The month from which about three in ten loans test, with enough of both outcomes to learn, calibrate and test."""
    distinct = np.unique(months)[1:]
    by_share = sorted(distinct.tolist(), key=lambda month: abs(float((months < month).mean()) - TRAINS))
    return next((int(month) for month in by_share if _enough(months, month, defaulted)), None)


def _enough(periods: NDArray[np.int64], first_test: int, defaulted: NDArray[np.float64]) -> bool:
    """Whether there are enough of both outcomes to learn from, to calibrate on and to test on."""
    trains = periods < first_test
    if not trains.any():
        return False
    ordered = np.sort(periods[trains])
    cut = ordered[int(len(ordered) * (1 - CALIBRATION_SHARE))]
    parts = (trains & (periods < cut), trains & (periods >= cut), ~trains)
    return all(LEAST_DEFAULTS <= defaulted[part].sum() <= part.sum() - LEAST_DEFAULTS for part in parts)
