"""What an applicant for a personal loan states, and the credit report that comes with it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from meridian.application import Application, DecisionRequest
from meridian.application.schema import Day, Strict

Purpose = Literal[
    "car",
    "credit_card",
    "debt_consolidation",
    "education",
    "home_improvement",
    "major_purchase",
    "medical",
    "moving",
    "small_business",
    "wedding",
    "other",
]
PURPOSES: tuple[str, ...] = get_args(Purpose)
Housing = Literal["rent", "mortgage", "own", "other"]

Money = Annotated[float, Field(ge=0, le=100_000_000)]
Count = Annotated[int, Field(ge=0, le=1_000)]
Months = Annotated[int, Field(ge=0, le=1_200)]


class CreditReport(Strict):
    """Attributes of a bureau's report. Null means that the bureau does not say."""

    as_of: Day = Field(description="The day of the report.")
    earliest_credit_line: Day | None = Field(description="Opening of the oldest account; null: none on file.")
    open_accounts: Count | None
    total_accounts: Count | None
    revolving_balance: Money | None
    revolving_utilisation: Annotated[float, Field(ge=0, le=10)] | None = Field(
        description="Share of the revolving limits in use: 0.5 is half."
    )
    monthly_debt_payments: Money | None = Field(description="What all debts but the home's cost a month.")
    delinquencies_2y: Count | None = Field(description="Times 30 or more days late in two years.")
    months_since_delinquency: Months | None = Field(
        description="Null: never, if there were no delinquencies in two years; else not known."
    )
    months_since_public_record: Months | None = Field(
        description="Null: none, if there are no public records; else not known."
    )
    inquiries_6m: Count | None
    public_records: Count | None
    bankruptcies: Count | None
    tax_liens: Count | None
    collections_12m: Count | None
    chargeoffs_12m: Count | None
    accounts_delinquent_now: Count | None
    delinquent_amount: Money | None

    @field_validator("earliest_credit_line")
    @classmethod
    def _before_the_report(cls, opened: date | None, info: ValidationInfo) -> date | None:
        as_of = info.data.get("as_of")
        if opened and as_of and opened > as_of:
            raise ValueError(f"a day not after the report's own, {as_of}")
        return opened


class PersonalLoanApplication(Application):
    """An application for an unsecured loan repaid in equal instalments."""

    amount: Annotated[float, Field(ge=500, le=100_000)] = Field(description="Asked for, in dollars.")
    term_months: Annotated[int, Field(ge=6, le=84)]
    purpose: Purpose
    annual_income: Money = Field(description="Stated gross income a year, in dollars.")
    employment_years: Annotated[float, Field(ge=0, le=70)] | None = Field(
        description="Whole years with the present employer; 0: less than one, or not employed; null: not stated."
    )
    housing: Housing
    credit_report: CreditReport | None = Field(
        None, description="Left out or null: no report could be had, and the decision will say so."
    )


class PersonalLoanRequest(DecisionRequest[PersonalLoanApplication]):
    """An application for a personal loan."""
