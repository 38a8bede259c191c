"""What an applicant for a consumer loan states. All else is looked up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from meridian.application import Application, DecisionRequest
from meridian.products.personal_loan.schema import Housing, Money, Purpose


class ConsumerLoanApplication(Application):
    """An application for an instalment loan, as it stands on the form."""

    amount: Annotated[float, Field(ge=500, le=40_000)] = Field(description="Asked for, in dollars.")
    term_months: Annotated[int, Field(ge=12, le=60)]
    purpose: Purpose
    annual_income: Money = Field(description="Stated gross income a year, in dollars.")
    employment_years: Annotated[float, Field(ge=0, le=70)] | None = Field(
        description="Years with the present employer; 0: not employed; null: not stated."
    )
    housing: Housing


class ConsumerLoanRequest(DecisionRequest[ConsumerLoanApplication]):
    """An application for a consumer loan."""
