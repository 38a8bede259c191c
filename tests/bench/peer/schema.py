"""The application as pydantic reads it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field


class CreditReport(BaseModel):
    """A bureau's attributes."""

    as_of: date
    earliest_credit_line: date | None
    open_accounts: int | None = Field(ge=0)
    total_accounts: int | None = Field(ge=0)
    revolving_balance: float | None = Field(ge=0)
    revolving_utilisation: float | None = Field(ge=0)
    monthly_debt_payments: float | None = Field(ge=0)
    delinquencies_2y: int | None = Field(ge=0)
    months_since_delinquency: int | None = Field(ge=0)
    months_since_public_record: int | None = Field(ge=0)
    inquiries_6m: int | None = Field(ge=0)
    public_records: int | None = Field(ge=0)
    bankruptcies: int | None = Field(ge=0)
    tax_liens: int | None = Field(ge=0)
    collections_12m: int | None = Field(ge=0)
    chargeoffs_12m: int | None = Field(ge=0)
    accounts_delinquent_now: int | None = Field(ge=0)
    delinquent_amount: float | None = Field(ge=0)


class Application(BaseModel):
    """What an applicant states."""

    applicant_id: str
    date_of_birth: date
    amount: float = Field(ge=500, le=100_000)
    term_months: int = Field(ge=6, le=84)
    purpose: str
    annual_income: float = Field(ge=0)
    employment_years: float | None = Field(ge=0)
    housing: Literal["rent", "mortgage", "own", "other"]
    credit_report: CreditReport | None


class DecisionRequest(BaseModel):
    """The body of a request."""

    product: Literal["personal-loan"]
    application_ref: str
    application: Application
