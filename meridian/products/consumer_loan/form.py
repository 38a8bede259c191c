"""The application form as a source."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from meridian.application import DecisionRequest
from meridian.evidence import FORM, SourceReading, SourceStatus
from meridian.features import Direction, Feature
from meridian.features.compute import Compute, field, one_of, over, ratio
from meridian.products.consumer_loan.schema import ConsumerLoanApplication

UP, DOWN, FREE = Direction.RAISES_RISK, Direction.LOWERS_RISK, Direction.FREE
FIELDS = ("amount", "term_months", "purpose", "annual_income", "employment_years", "housing")


def read_application(request: DecisionRequest[Any], received_at: datetime) -> tuple[SourceReading, ...]:
    """The reading of the form. Whether somebody is of age is the policy's to say, of a birth after today too."""
    application: ConsumerLoanApplication = request.application
    years = application.employment_years
    fields = {
        "amount": application.amount,
        "term_months": float(application.term_months),
        "purpose": application.purpose,
        "annual_income": application.annual_income,
        "employment_years": float("nan") if years is None else float(years),
        "housing": application.housing,
    }
    return (SourceReading(FORM, SourceStatus.FRESH, fields, received_at, received_at, 0.0),)


def _f(name: str, meaning: str, unit: str, high: float, compute: Compute, group: str, direction: Direction = FREE,
       default: float | None = None, *, actionable: bool = False) -> Feature:  # fmt: skip
    return Feature(name, FORM, meaning, unit, 0.0, high, compute, group, direction, actionable, default=default)


FEATURES = (
    _f("loan_amount", "Amount asked for", "USD", 40_000, field("amount"), "R01", UP, actionable=True),
    _f("term_months", "Term asked for", "months", 60, field("term_months"), "R02", UP, actionable=True),
    _f("annual_income", "Stated gross income a year", "USD", 1e8, field("annual_income"), "R01", DOWN),
    _f("loan_to_income", "Amount over yearly income", "ratio", 1e5, over("amount", "annual_income"), "R01", UP, 100.0, actionable=True),
    _f("payment_to_income", "Repayment of principal a month over monthly income", "ratio", 1e5,
       lambda f: ratio(f["amount"] / f["term_months"] * 12.0, f["annual_income"]), "R01", UP, 100.0, actionable=True),
    _f("employment_years", "Stated years with the employer, ten and more as ten", "years", 10,
       lambda f: np.minimum(f["employment_years"], 10.0) + 0.0, "R03", DOWN),
    _f("is_renter", "Rents the home", "0/1", 1, one_of("housing", "rent"), "R04", UP),
    _f("is_owner", "Owns the home", "0/1", 1, one_of("housing", "own"), "R04", DOWN),
    _f("purpose_business", "Purpose is a small business", "0/1", 1, one_of("purpose", "small_business"), "R05", UP),
    _f("purpose_debts", "Purpose is to pay other debts", "0/1", 1, one_of("purpose", "debt_consolidation", "credit_card"), "R05"),
    _f("purpose_purchase", "Purpose is a car or another purchase", "0/1", 1, one_of("purpose", "car", "major_purchase"), "R05"),
    _f("purpose_need", "Purpose is medical, moving or education", "0/1", 1, one_of("purpose", "medical", "moving", "education"), "R05"),
)  # fmt: skip
