"""Simulated applicants as the documents that the service takes: requests, and rows of the lender's own history."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from meridian.simulator.applicants import NEVER_MONTHS, Applicants, draw

REPORT_COUNTS = (
    "open_accounts", "total_accounts", "delinquencies_2y", "inquiries_6m", "public_records", "bankruptcies",
    "tax_liens", "collections_12m", "chargeoffs_12m", "accounts_delinquent_now",
)  # fmt: skip
REPORT_AMOUNTS = ("revolving_balance", "revolving_utilisation", "monthly_debt_payments", "delinquent_amount")
SINCE = ("months_since_delinquency", "months_since_public_record")


def requests(n: int, seed: int, today: date) -> list[dict[str, Any]]:
    """`n` applications for a personal loan made today, as JSON values.

    Every `application_ref` and `applicant_id` is unique for its seed, `sim-<seed>-<number>`. Of the
    credit reports some are missing, some a few days old, a few past the age at which they count as stale.
    """
    applicants = draw(n, seed)
    random = np.random.default_rng([seed, 1])
    report_days = np.where(random.random(n) < 0.03, random.integers(35, 110, n), random.integers(0, 15, n))
    columns = {name: column.tolist() for part in applicants.fields.values() for name, column in part.items()}
    ages = applicants.age_days.tolist()
    return [
        _request(i, seed, columns, ages[i], today, int(report_days[i]) if applicants.has_report[i] else None)
        for i in range(n)
    ]


def histories(n: int, seed: int) -> list[dict[str, Any]]:
    """The lender's own history of those among the same `n` applicants that it knows.

    Rows of `applicant_id`, `loans` and `worst_days_late`.
    """
    applicants: Applicants = draw(n, seed)
    history = applicants.fields["history"]
    return [
        {
            "applicant_id": f"sim-{seed}-{i:07d}",
            "loans": int(history["loans"][i]),
            "worst_days_late": int(history["worst_days_late"][i]),
        }
        for i in np.flatnonzero(applicants.known_to_us).tolist()
    ]


def _request(
    i: int, seed: int, columns: dict[str, list[Any]], age_days: int, today: date, report_days: int | None
) -> dict[str, Any]:
    token = f"sim-{seed}-{i:07d}"
    return {
        "product": "personal-loan",
        "application_ref": token,
        "application": {
            "applicant_id": token,
            "date_of_birth": (today - timedelta(days=age_days)).isoformat(),
            "amount": columns["amount"][i],
            "term_months": int(columns["term_months"][i]),
            "purpose": columns["purpose"][i],
            "annual_income": columns["annual_income"][i],
            "employment_years": _or_null(columns["employment_years"][i]),
            "housing": columns["housing"][i],
            "credit_report": None if report_days is None else _report(i, columns, today - timedelta(days=report_days)),
        },
    }


def _report(i: int, columns: dict[str, list[Any]], as_of: date) -> dict[str, Any]:
    age = _or_null(columns["as_of_month"][i] - columns["earliest_credit_month"][i])
    report: dict[str, Any] = {"as_of": as_of.isoformat(), "earliest_credit_line": None}
    if age is not None:
        index = as_of.year * 12 + as_of.month - 1 - int(age)
        report["earliest_credit_line"] = date(index // 12, index % 12 + 1, 1).isoformat()
    for name in REPORT_COUNTS:
        count = _or_null(columns[name][i])
        report[name] = None if count is None else int(count)
    for name in REPORT_AMOUNTS:
        report[name] = _or_null(columns[name][i])
    for name in SINCE:
        months = columns[name][i]
        report[name] = None if months == NEVER_MONTHS else int(months)
    return report


def _or_null(value: float) -> float | None:
    """A number as JSON has it: null for NaN."""
    return None if value != value else value
