"""What applicants ask for, and what they state of themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meridian.simulator.lender.chance import Floats, Ints, Random, pick, share
from meridian.simulator.lender.population import People

PURPOSES = {
    "debt_consolidation": 0.45, "credit_card": 0.14, "home_improvement": 0.09, "major_purchase": 0.07, "car": 0.06,
    "small_business": 0.05, "medical": 0.04, "moving": 0.02, "wedding": 0.02, "education": 0.01, "other": 0.05,
}  # fmt: skip
TERMS = {12: 0.10, 24: 0.16, 36: 0.42, 48: 0.12, 60: 0.20}
HOUSING = ("rent", "mortgage", "own", "other")
MONTHLY_RATE = 0.012
"""A rate of interest by which the simulated lender works out what a loan costs a month."""


@dataclass(frozen=True)
class Form:
    """Applications of one chunk, one entry each: dollars, months, and codes into `PURPOSES` and `HOUSING`.

    `employment_years` is NaN where it is not stated. `inflation` is the log of the stated income over the earned one.
    """

    amount: Floats
    term_months: Ints
    purpose: Ints
    annual_income: Floats
    employment_years: Floats
    housing: Ints
    inflation: Floats

    @property
    def instalment(self) -> Floats:
        """Dollars a month."""
        return np.asarray(self.amount * MONTHLY_RATE / (1 - (1 + MONTHLY_RATE) ** -self.term_months.astype(np.float64)))


def fill_in(random: Random, people: People) -> Form:
    """Fill in a form for each of the people. How much is asked for follows from what is earned, not what is shown."""
    n = len(people)
    asked = people.income * np.exp(-1.85 + 0.10 * people.latent + 0.60 * random.normal(size=n))
    inflated = random.random(n) < share(-1.5 + 0.45 * people.latent + 0.8 * np.isfinite(people.job_lost))
    inflation = np.where(inflated, random.gamma(2.0, 0.10, n), 0.01 * random.normal(size=n))
    return Form(
        amount=np.clip(np.round(asked / 25) * 25, 500, 40_000),
        term_months=np.array(list(TERMS))[pick(random, n, list(TERMS.values()))],
        purpose=pick(random, n, PURPOSES),
        annual_income=np.round(people.shown_income * np.exp(inflation), -2),
        employment_years=_employment_years(random, people),
        housing=_housing(random, people),
        inflation=inflation,
    )


def _employment_years(random: Random, people: People) -> Floats:
    """Whole years with the employer. Half of those who lost their job do not say so."""
    n = len(people)
    working = people.employed & (~np.isfinite(people.job_lost) | (random.random(n) < 0.5))
    return np.where(random.random(n) < 0.03, np.nan, np.where(working, np.floor(people.tenure / 365), 0.0))


def _housing(random: Random, people: People) -> Ints:
    seniority = np.clip((people.age - 20) / 25, 0, 1)
    draw = random.random(len(people)) + 0.04 * people.latent
    own, mortgage = 0.08 + 0.10 * seniority, 0.15 + 0.45 * seniority
    other = random.random(len(people)) < 0.04
    return np.where(other, 3, np.where(draw < own, 2, np.where(draw < own + mortgage, 1, 0))).astype(np.int64)
