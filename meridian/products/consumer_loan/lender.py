"""A lender's past loans as a training table: a folder of applications, outcomes and the sources' events."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.evidence import FORM
from meridian.products.consumer_loan.form import FIELDS
from meridian.products.training_table import Columns, Comparison, Members, Split, TrainingTable


def _night_before(columns: Columns) -> NDArray[np.datetime64]:
    """The vectors that serve were made the night before: so are those that train."""
    return columns["applied_at"].astype("datetime64[D]").astype("datetime64[us]")


def _month(columns: Columns) -> NDArray[np.int64]:
    return columns["applied_at"].astype("datetime64[M]").astype(np.int64) + 1970 * 12


def _form(columns: Columns) -> dict[str, dict[str, NDArray[Any]]]:
    return {FORM: {name: columns[name] for name in FIELDS}}


def _by_text(group: str, control: str, name: str, of_group: str, of_control: str) -> Comparison:
    return Comparison(group, control, (name,), lambda columns: (columns[name] == of_group, columns[name] == of_control))


def _by_age(columns: Columns) -> Members:
    """Applicants of 62 and older are the elderly of Regulation B (12 CFR 1002.2(o))."""
    born, applied = (columns[name].astype("datetime64[D]") for name in ("date_of_birth", "applied_at"))
    month = born.astype("datetime64[M]")
    birthday = (month + 12 * 62).astype("datetime64[D]") + (born - month)
    return applied >= birthday, applied < birthday


LENDER = TrainingTable(
    name="A lender's loans, matured for twelve months",
    columns=("applicant_id", "applied_at", *FIELDS, "default_12m"),
    leaks=("default_90d", "defaulted_on", "decision"),
    lender_outputs=(),
    fields=_form,
    target=lambda columns: columns["default_12m"].astype(np.float64),
    split=Split.out_of_time(date(2025, 7, 1)),
    period=_month,
    applicant=lambda columns: columns["applicant_id"],
    cut_off=_night_before,
    outcome="default_12m",
    declined=("decision", "decline"),
    protected=("date_of_birth", "sex", "ethnicity_group", "marital_status"),
    compared=(
        _by_text("women", "men", "sex", "female", "male"),
        _by_text("ethnicity group B", "ethnicity group A", "ethnicity_group", "B", "A"),
        Comparison("62 and older", "under 62", ("date_of_birth",), _by_age),
    ),
)
