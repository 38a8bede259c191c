"""The features of a personal loan: what the application, the credit report and the lender's own history give.

Every `compute` takes scalars or columns. Where a feature's direction is stated, no model may learn the
opposite, so that the text of its reason is true whenever it harms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np

from meridian.application import DecisionRequest, month_index
from meridian.errors import FieldProblem, InvalidApplication
from meridian.evidence import FORM, SourceReading, SourceStatus
from meridian.features import Direction, Feature, FeatureSet, Fields, Number, Silence, Source
from meridian.features.compute import field, one_of, ratio
from meridian.products.personal_loan.schema import CreditReport, PersonalLoanApplication

NEVER_MONTHS = 240.0
"""'Never' as a number of months: longer ago than any bureau keeps."""

REPORT_FRESH = timedelta(days=30)
REPORT_TOO_OLD = timedelta(days=90)

UP, DOWN, FREE = Direction.RAISES_RISK, Direction.LOWERS_RISK, Direction.FREE


def _since(months: str, count: str) -> Callable[[Fields], Number]:
    """Months since an event; where they are not said, 'never' only if the count agrees that there was none."""
    return lambda f: np.where(np.isnan(f[months]) & (f[count] == 0), NEVER_MONTHS, f[months])[()]


HISTORY = Source(
    name="history",
    meaning="The lender's own books: earlier loans with us, loaded each night",
    fresh_for=timedelta(days=2),
    too_old_after=timedelta(days=30),
    silence=Silence.NOTHING_HAPPENED,
    loaded=("loans", "worst_days_late"),
)
"""Made for a nightly load; one that is more than a month behind says too little."""

FEATURES = FeatureSet(
    [
        Feature("loan_amount", "application", "Amount asked for", "USD", 500, 100_000, field("amount"), "R01", UP, True),
        Feature("term_months", "application", "Term asked for", "months", 6, 84, field("term_months"), "R02", UP, True),
        Feature("annual_income", "application", "Stated gross income a year", "USD", 0, 1e8, field("annual_income"), "R01", DOWN),
        Feature("loan_to_income", "application", "Amount over yearly income", "ratio", 0, 100,
                lambda f: ratio(f["amount"], f["annual_income"]), "R01", UP, True),
        Feature("payment_to_income", "application", "Repayment of principal a month over monthly income", "ratio", 0, 100,
                lambda f: ratio(f["amount"] / f["term_months"] * 12.0, f["annual_income"]), "R01", UP, True),
        Feature("employment_years", "application", "Years with the present employer, ten and more as ten", "years", 0, 10,
                lambda f: np.minimum(f["employment_years"], 10.0), "R03", DOWN),
        Feature("is_renter", "application", "Rents the home", "0/1", 0, 1, one_of("housing", "rent"), "R04", UP),
        Feature("purpose_business", "application", "Purpose is a small business", "0/1", 0, 1, one_of("purpose", "small_business"), "R05", UP),
        Feature("purpose_debts", "application", "Purpose is to pay other debts", "0/1", 0, 1,
                one_of("purpose", "debt_consolidation", "credit_card"), "R05"),
        Feature("purpose_purchase", "application", "Purpose is a car or another purchase", "0/1", 0, 1,
                one_of("purpose", "car", "major_purchase"), "R05"),
        Feature("debt_to_income", "bureau", "Monthly debt payments over monthly income", "ratio", 0, 100,
                lambda f: ratio(f["monthly_debt_payments"] * 12.0, f["annual_income"]), "R06", UP, True),
        Feature("credit_age_months", "bureau", "Age of the oldest account", "months", 0, 1200,
                lambda f: f["as_of_month"] - f["earliest_credit_month"], "R07", DOWN),
        Feature("total_accounts", "bureau", "Accounts ever opened", "count", 0, 1000, field("total_accounts"), "R07", DOWN),
        Feature("open_accounts", "bureau", "Accounts open now", "count", 0, 1000, field("open_accounts"), "R08"),
        Feature("revolving_balance", "bureau", "Owed on revolving accounts", "USD", 0, 1e8, field("revolving_balance"), "R09", UP, True),
        Feature("revolving_utilisation", "bureau", "Share of the revolving limits in use", "ratio", 0, 10,
                field("revolving_utilisation"), "R09", UP, True),
        Feature("revolving_to_income", "bureau", "Owed on revolving accounts over yearly income", "ratio", 0, 1000,
                lambda f: ratio(f["revolving_balance"], f["annual_income"]), "R09", UP, True),
        Feature("delinquencies_2y", "bureau", "Times 30 or more days late in two years", "count", 0, 1000, field("delinquencies_2y"), "R10", UP),
        Feature("months_since_delinquency", "bureau", "Since the last delinquency, 240 where there was none", "months", 0, 1200,
                _since("months_since_delinquency", "delinquencies_2y"), "R10", DOWN),
        Feature("accounts_delinquent_now", "bureau", "Accounts late now", "count", 0, 1000, field("accounts_delinquent_now"), "R10", UP, True),
        Feature("delinquent_amount", "bureau", "Owed on accounts that are late", "USD", 0, 1e8, field("delinquent_amount"), "R10", UP, True),
        Feature("collections_12m", "bureau", "Collections in a year, medical ones left out", "count", 0, 1000, field("collections_12m"), "R11", UP),
        Feature("chargeoffs_12m", "bureau", "Accounts written off in a year", "count", 0, 1000, field("chargeoffs_12m"), "R11", UP),
        Feature("public_records", "bureau", "Derogatory public records", "count", 0, 1000, field("public_records"), "R12", UP),
        Feature("months_since_public_record", "bureau", "Since the last public record, 240 where there is none", "months", 0, 1200,
                _since("months_since_public_record", "public_records"), "R12", DOWN),
        Feature("tax_liens", "bureau", "Tax liens", "count", 0, 1000, field("tax_liens"), "R12", UP),
        Feature("bankruptcies", "bureau", "Bankruptcies on record", "count", 0, 1000, field("bankruptcies"), "R13", UP),
        Feature("inquiries_6m", "bureau", "Inquiries in six months", "count", 0, 1000, field("inquiries_6m"), "R14", UP, True),
        Feature("own_loans", "history", "Loans with us so far", "count", 0, 1000, field("loans"), "R15"),
        Feature("own_worst_days_late", "history", "Most days ever late with us", "days", 0, 10_000, field("worst_days_late"), "R15", UP),
        Feature("own_applications_90d", "history", "Earlier applications to us in 90 days", "count", 0, 10_000, field("applications_90d"), "R16", UP),
    ],
    (HISTORY,),
)  # fmt: skip

UNUSED_BY_COMPACT = {
    "payment_to_income",
    "purpose_purchase",
    "revolving_to_income",
    "accounts_delinquent_now",
    "delinquent_amount",
    "collections_12m",
    "chargeoffs_12m",
    "tax_liens",
}
"""Nearly constant, or said by another feature: they cost the compact model time and give it nothing."""

BATCH = tuple(feature.name for feature in FEATURES if feature.source != "history")
APPLICATION = tuple(feature.name for feature in FEATURES if feature.source == FORM)
COMPACT = tuple(name for name in BATCH if name not in UNUSED_BY_COMPACT)


def number(value: float | None) -> float:
    """A stated number, or NaN for null."""
    return float("nan") if value is None else float(value)


def read_application(request: DecisionRequest[Any], received_at: datetime) -> tuple[SourceReading, ...]:
    """The readings of the two sources that come with the request: the form, and the credit report.

    Raises `InvalidApplication` for a birth after the day of receipt: a slip of the pen is not a minor.
    """
    application: PersonalLoanApplication = request.application
    if application.date_of_birth > received_at.date():
        born = str(application.date_of_birth)
        problem = FieldProblem("/application/date_of_birth", born, "a day not after today")
        raise InvalidApplication(f"{problem.pointer}: {born} is not accepted; expected {problem.expected}.", [problem])
    form = SourceReading("application", SourceStatus.FRESH, form_fields(application), received_at, received_at, 0.0)
    report = application.credit_report
    if report is None:
        return form, SourceReading("bureau", SourceStatus.MISSING, detail="no credit report came with the application")
    as_of = datetime.combine(report.as_of, time(), UTC)
    age = received_at - as_of
    status, detail = _judge_age(age)
    reading = SourceReading(
        "bureau",
        status,
        report_fields(report),
        as_of,
        received_at,
        age.total_seconds(),
        detail,
    )
    return form, reading


def _judge_age(age: timedelta) -> tuple[SourceStatus, str]:
    if age < timedelta(days=-1):
        return SourceStatus.FAILED, "the credit report is dated in the future"
    status = SourceStatus.of_age(age, fresh_for=REPORT_FRESH, too_old_after=REPORT_TOO_OLD)
    if status is SourceStatus.FRESH:
        return status, ""
    limit = "" if status.usable else f"; at most {REPORT_TOO_OLD.days} will do"
    return status, f"the credit report is {age.days} days old{limit}"


def form_fields(application: PersonalLoanApplication) -> dict[str, Any]:
    """The form's fields as the features read them."""
    return {
        "amount": application.amount,
        "term_months": float(application.term_months),
        "purpose": application.purpose,
        "annual_income": application.annual_income,
        "employment_years": number(application.employment_years),
        "housing": application.housing,
    }


COUNTED: Sequence[str] = (
    "open_accounts", "total_accounts", "revolving_balance", "revolving_utilisation", "monthly_debt_payments",
    "delinquencies_2y", "inquiries_6m", "public_records", "bankruptcies", "tax_liens", "collections_12m",
    "chargeoffs_12m", "accounts_delinquent_now", "delinquent_amount",
)  # fmt: skip
"""Fields of the report that are read as they stand."""


def report_fields(report: CreditReport) -> Mapping[str, Any]:
    """The report's fields as the features read them."""
    first = report.earliest_credit_line
    since = report.months_since_delinquency, report.months_since_public_record
    return {
        **{name: number(getattr(report, name)) for name in COUNTED},
        "as_of_month": float(month_index(report.as_of)),
        "earliest_credit_month": number(month_index(first) if first else None),
        "months_since_delinquency": number(since[0]),
        "months_since_public_record": number(since[1]),
    }
