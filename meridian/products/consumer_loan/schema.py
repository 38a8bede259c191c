"""What an applicant for a consumer loan states. All else is looked up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meridian.application import Application, DecisionRequest
from meridian.products.personal_loan.schema import Housing, Money, Purpose

State = Literal[
    "AL", "AK", "AS", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "GU", "HI", "ID", "IL", "IN", "IA", "KS", "KY",
    "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MP", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK",
    "OR", "PA", "PR", "RI", "SC", "SD", "TN", "TX", "UT", "VA", "VI", "VT", "WA", "WI", "WV", "WY",
]  # fmt: skip


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
    state: State | None = Field(
        None,
        description="Where the applicant lives: the two letters of the postal service. It limits what may be lent.",
    )


class ConsumerLoanRequest(DecisionRequest[ConsumerLoanApplication]):
    """An application for a consumer loan."""
