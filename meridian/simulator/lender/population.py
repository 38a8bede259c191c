"""The people who apply: a latent risk, four facets of conduct that it moves together, what befell them, who they are.

Each facet leaves its traces in one source above all (`credit` in the bureau's file, `cash` in the bank account, `work`
in employment, `conduct` in the lender's own history), so that every source tells something that the others do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meridian.simulator.lender.chance import Bools, Floats, Ints, Random, pick, share
from meridian.simulator.lender.settings import LenderSettings
from meridian.simulator.lender.streams import DAY, SECOND

SHOWN_INCOME = -0.25
"""What a disparity of 1 does to the log of group B's income, as every source shows it."""
COMMON = 0.55
"""How much of each facet is the latent risk; the rest is the facet's own."""
SEXES = ("female", "male")
GROUPS = ("A", "B")
MARITAL = {"single": 0.36, "married": 0.46, "separated": 0.04, "divorced": 0.10, "widowed": 0.04}
NEVER = -np.inf
"""Days before the application of what did not happen: no day is fewer, so that no day comes after it."""


@dataclass(frozen=True)
class People:
    """Applicants of one chunk, one entry each.

    `applied_at` is in microseconds since 1970 (UTC), `period` runs from -0.5 on the first day to 0.5 on the last.
    Higher is worse in the latent risk and in the facets. `income` is what is earned in dollars a year,
    `shown_income` what sources show of it. `job_lost` and `shock` are days before the application on which a job was
    lost and an illness or another blow cost money (`NEVER`: neither); `growth` is how fast debt grows, as the change
    of its log in a year. `cash_lean` (how much is spent in cash), `spend_rise` and `pay_rise` (how spending and pay
    changed over the last half year) are standard scores. `tenure` is days in the newest job. `group_b`, `sex` and
    `marital` are the protected attributes, `born_day` is in days since 1970.
    """

    applied_at: Ints
    period: Floats
    latent: Floats
    credit: Floats
    cash: Floats
    work: Floats
    conduct: Floats
    age: Floats
    income: Floats
    shown_income: Floats
    job_lost: Floats
    shock: Floats
    growth: Floats
    cash_lean: Floats
    spend_rise: Floats
    pay_rise: Floats
    tenure: Floats
    employed: Bools
    group_b: Bools
    sex: Ints
    marital: Ints
    born_day: Ints

    def __len__(self) -> int:
        return len(self.latent)


def people(random: Random, settings: LenderSettings, n: int) -> People:
    """Draw `n` people. Neither drift nor disparity changes which random numbers are used."""
    applied_at, period = _applied(random, settings, n)
    latent = random.normal(size=n) + 0.5 * settings.drift * period
    facets = {name: _facet(random, latent) for name in ("credit", "cash", "work", "conduct")}
    age = np.clip(19 + 65 * random.beta(1.7, 3.2, n), 18.1, 84)
    income = _income(random, latent, age, settings.drift * period)
    group_b = random.random(n) < 0.24
    work = facets["work"]
    employed = random.random(n) > share(-3.6 + 0.6 * work)
    tenure = np.minimum(np.exp(6.9 - 0.35 * work + 0.95 * random.normal(size=n)), (age - 17) * 365)
    return People(
        applied_at=applied_at,
        period=period,
        latent=latent,
        **facets,
        age=age,
        income=income,
        shown_income=income * np.exp(SHOWN_INCOME * settings.disparity * group_b),
        job_lost=_days_ago(random, (5, 170), share(-3.3 + 0.75 * work) * employed),
        shock=_days_ago(random, (5, 175), share(-2.8 + 0.35 * latent)),
        growth=0.10 + 0.22 * facets["credit"] + 0.40 * random.normal(size=n),
        cash_lean=random.normal(size=n),
        spend_rise=random.normal(size=n),
        pay_rise=random.normal(size=n),
        tenure=np.maximum(tenure, 20.0),
        employed=employed,
        group_b=group_b,
        sex=pick(random, n, (0.49, 0.51)),
        marital=pick(random, n, MARITAL),
        born_day=applied_at // DAY - np.ceil(age * 365.25).astype(np.int64),
    )


def _applied(random: Random, settings: LenderSettings, n: int) -> tuple[Ints, Floats]:
    """Moments of application, to the second, most of them by day; and where in the period they lie."""
    days = (settings.last_day - settings.first_day).days + 1
    day = random.integers(0, days, n)
    second = np.clip(random.normal(14.5, 3.5, n) * 3600, 0, 86_399).astype(np.int64)
    first = np.datetime64(settings.first_day, "D").astype(np.int64)
    return (first + day) * DAY + second * SECOND, (day + 0.5) / days - 0.5


def _facet(random: Random, latent: Floats) -> Floats:
    own = random.normal(size=len(latent))
    return np.asarray(COMMON * latent + np.sqrt(1 - COMMON**2) * own)


def _income(random: Random, latent: Floats, age: Floats, drift: Floats) -> Floats:
    seniority = np.clip((age - 20) / 25, 0, 1)
    spread = 0.42 * random.normal(size=len(latent))
    return np.asarray(np.maximum(np.exp(10.68 + 0.35 * seniority - 0.12 * latent - 0.25 * drift + spread), 9_000.0))


def _days_ago(random: Random, days: tuple[int, int], odds: Floats) -> Floats:
    """Days before the application on which a rare thing happened, `NEVER` where it did not."""
    n = len(odds)
    return np.where(random.random(n) < odds, random.uniform(*days, n), NEVER)
