"""Applicants for a personal loan, drawn from a small correlated world with a latent risk.

Nobody real stands behind them. One number, the latent risk, moves income, debts and past behaviour
together; whether an applicant defaults follows from that number and from what the loan asks of them,
so that a model can learn much of it and not all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Column = NDArray[np.float64] | NDArray[np.str_]
Random = np.random.Generator

NEVER_MONTHS = 240.0
"""'Never' as the months since an event, as the product's features have it."""
FIRST_MONTH, MONTHS = 2023 * 12, 24
"""Simulated loans were made in 2023 and 2024."""
PURPOSES = {
    "debt_consolidation": 0.45, "credit_card": 0.14, "home_improvement": 0.09, "major_purchase": 0.07, "car": 0.06,
    "small_business": 0.05, "medical": 0.04, "moving": 0.02, "wedding": 0.02, "education": 0.01, "other": 0.05,
}  # fmt: skip


@dataclass(frozen=True)
class Applicants:
    """Columns of applicants, one entry each.

    `fields` has the columns of each source (`application`, `bureau`, `history`) under the names that
    the features read, NaN where missing. `month` is the month of the loan (`year * 12 + month - 1`),
    `pd` the true probability of default and `defaulted` what came of it; `age_days` is the age on the
    day of the application; `has_report` and `known_to_us` say whether the bureau and the lender's own
    history have anything on the applicant.
    """

    fields: Mapping[str, Mapping[str, Column]]
    month: NDArray[np.int64]
    pd: Floats
    defaulted: NDArray[np.bool_]
    age_days: NDArray[np.int64]
    has_report: NDArray[np.bool_]
    known_to_us: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pd)


def draw(n: int, seed: int) -> Applicants:
    """Draw `n` applicants. The same `n` and seed give the same columns, bit for bit."""
    random = np.random.default_rng(seed)
    risk = random.normal(size=n)
    month = np.sort(random.integers(FIRST_MONTH, FIRST_MONTH + MONTHS, n))
    age = np.clip(19 + random.gamma(2.6, 8.0, n), 18.1, 84)
    minor = random.random(n) < 0.004
    age = np.where(minor, random.uniform(16, 17.9, n), age)
    form = _form(random, risk, age)
    report = _report(random, risk, age, form["annual_income"], month)
    history, known = _history(random, risk)
    pd = _true_pd(risk, form, report, history)
    defaulted = random.random(n) < pd
    has_report = random.random(n) > 0.025
    _leave_gaps(random, form, report)
    return Applicants(
        fields={"application": form, "bureau": report, "history": history},
        month=month,
        pd=pd,
        defaulted=defaulted,
        age_days=np.floor(age * 365.25).astype(np.int64),
        has_report=has_report,
        known_to_us=known,
    )


def _form(random: Random, risk: Floats, age: Floats) -> dict[str, Column]:
    n = len(risk)
    seniority = np.clip((age - 20) / 25, 0, 1)
    income = np.round(np.exp(10.72 + 0.35 * seniority - 0.10 * risk + 0.42 * random.normal(size=n)), -2)
    asked = income * np.exp(-1.8 + 0.10 * risk + 0.60 * random.normal(size=n))
    amount = np.clip(np.round(asked / 25) * 25, 500, 40_000)
    term = np.where(random.random(n) < 0.15 + 0.25 * (amount > 12_000), 60.0, 36.0)
    employed = np.floor(random.exponential(5.0 - 0.7 * np.clip(risk, -2, 2)))
    owns = random.random(n) < 0.08 + 0.10 * seniority
    pays_mortgage = random.random(n) < 0.15 + 0.45 * seniority
    return {
        "amount": amount,
        "term_months": term,
        "purpose": random.choice(list(PURPOSES), n, p=list(PURPOSES.values())),
        "annual_income": income,
        "employment_years": np.floor(np.minimum(employed, age - 16)),
        "housing": np.where(owns, "own", np.where(pays_mortgage, "mortgage", "rent")),
    }


def _report(random: Random, risk: Floats, age: Floats, income: Column, month: NDArray[np.int64]) -> dict[str, Column]:
    n = len(risk)
    earned = income.astype(np.float64)
    credit_age = np.floor(np.maximum(age - 18, 0.2) * 12 * random.beta(3.5, 2.0, n)) + 1
    total = 1.0 + random.poisson(2 + credit_age / 12 * 1.1)
    opened = np.maximum(random.binomial(total.astype(np.int64), 0.48), 1).astype(np.float64)
    utilisation = 1 / (1 + np.exp(0.75 - 0.75 * risk - 0.9 * random.normal(size=n)))
    limits = earned * np.exp(-1.1 - 0.15 * risk + 0.6 * random.normal(size=n))
    late = random.poisson(np.exp(-2.5 + 0.95 * risk)).astype(np.float64)
    since = np.where(late > 0, random.integers(0, 24, n), random.integers(24, 120, n)).astype(np.float64)
    ever_late = (late > 0) | (random.random(n) < 0.22)
    bankrupt = random.poisson(np.exp(-3.9 + 0.55 * risk)).astype(np.float64)
    liens = random.poisson(np.exp(-5.3 + 0.6 * risk)).astype(np.float64)
    records = bankrupt + liens + random.poisson(0.02, n)
    burden = np.clip(0.17 + 0.045 * risk + 0.095 * random.normal(size=n), 0, 0.9)
    late_now = (random.random(n) < 0.30) & (late > 0) & (since < 6)
    return {
        "open_accounts": opened,
        "total_accounts": total,
        "revolving_balance": np.round(utilisation * limits, 2),
        "revolving_utilisation": np.round(utilisation, 3),
        "monthly_debt_payments": np.round(earned / 12 * burden, 2),
        "delinquencies_2y": late,
        "inquiries_6m": random.poisson(np.exp(-0.45 + 0.45 * risk)).astype(np.float64),
        "public_records": records,
        "bankruptcies": bankrupt,
        "tax_liens": liens,
        "collections_12m": random.poisson(np.exp(-4.6 + 0.7 * risk)).astype(np.float64),
        "chargeoffs_12m": random.poisson(np.exp(-5.2 + 0.8 * risk)).astype(np.float64),
        "accounts_delinquent_now": late_now.astype(np.float64),
        "delinquent_amount": np.where(late_now, np.round(random.exponential(600, n), 2), 0.0),
        "as_of_month": month.astype(np.float64),
        "earliest_credit_month": month - credit_age,
        "months_since_delinquency": np.where(ever_late, since, NEVER_MONTHS),
        "months_since_public_record": np.where(records > 0, random.integers(3, 118, n), NEVER_MONTHS),
    }


def _history(random: Random, risk: Floats) -> tuple[dict[str, Column], NDArray[np.bool_]]:
    """What the lender knows of its own customers, three in ten of the applicants; of the others, zeros."""
    n = len(risk)
    known = random.random(n) < 0.3
    loans = np.where(known, 1 + random.poisson(0.6, n), 0)
    was_late = known & (random.random(n) < 1 / (1 + np.exp(1.9 - 1.1 * risk)))
    return {
        "loans": loans.astype(np.float64),
        "worst_days_late": np.where(was_late, np.floor(random.exponential(24, n)) + 1, 0.0),
        "applications_90d": random.poisson(0.04 + 0.10 * known).astype(np.float64),
    }, known


def _true_pd(
    risk: Floats,
    form: Mapping[str, Column],
    report: Mapping[str, Column],
    history: Mapping[str, Column],
) -> Floats:
    """The probability that this loan is not paid back: the latent risk, and what the loan and the file add."""

    def of(source: Mapping[str, Column], name: str) -> Floats:
        return source[name].astype(np.float64)

    log_odds = (
        -2.6
        + 0.95 * risk
        + 2.2 * (of(form, "amount") / np.maximum(of(form, "annual_income"), 1) - 0.2)
        + 0.55 * (of(form, "term_months") > 36)
        + 0.6 * (form["purpose"] == "small_business")
        + 0.12 * (form["housing"] == "rent")
        - 0.03 * of(form, "employment_years")
        + 1.3 * (of(report, "revolving_utilisation") - 0.4)
        + 0.16 * of(report, "inquiries_6m")
        + 0.30 * np.minimum(of(report, "delinquencies_2y"), 4)
        + 0.45 * np.minimum(of(report, "public_records"), 3)
        + 0.010 * np.minimum(of(history, "worst_days_late"), 90)
    )
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _leave_gaps(
    random: Random,
    form: dict[str, Column],
    report: dict[str, Column],
) -> None:
    """Make some values missing, independently of the risk: what is not known is neither good nor bad."""
    gaps = (
        (form, "employment_years", 0.03),
        (report, "revolving_utilisation", 0.015),
        (report, "earliest_credit_month", 0.005),
        (report, "bankruptcies", 0.01),
        (report, "tax_liens", 0.01),
    )
    for source, name, share in gaps:
        column = source[name].astype(np.float64)
        source[name] = np.where(random.random(len(column)) < share, np.nan, column)
