"""Who pays back and who does not, and whom the lender's legacy process let through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meridian.simulator.lender.bank import Bank
from meridian.simulator.lender.bureau import Bureau
from meridian.simulator.lender.business import Business
from meridian.simulator.lender.chance import Bools, Floats, Ints, Random, share
from meridian.simulator.lender.employment import Employment
from meridian.simulator.lender.form import PURPOSES, Form
from meridian.simulator.lender.population import People
from meridian.simulator.lender.settings import LenderSettings

NOISE = 1.0
"""How far, in log-odds, what no source shows moves an applicant's risk: the more, the less any model can learn."""
INTERCEPT = -3.94
CUT_OFF = 617
"""Legacy points below which the lender declined."""
GRACE = 30
"""No loan is in default earlier than so many days after it was booked."""
YEAR, EARLY = 365, 90
SEASONING = 1.75
"""How early those who default within a year do: 1 is evenly over the year, more is earlier."""


@dataclass(frozen=True)
class Outcomes:
    """What came of each application: `days` to default (0: none within a year), and the legacy process's say.

    A loan is in default from the day on which the lender calls it due as a whole; loans are booked on the day of
    the application. Of the declined it says what would have come of them.
    """

    pd: Floats
    default_90d: Bools
    default_12m: Bools
    days: Ints
    points: Ints
    approved: Bools


@dataclass(frozen=True)
class World:
    """All that happened to the applicants of one chunk before they applied."""

    people: People
    form: Form
    bureau: Bureau
    bank: Bank
    employment: Employment
    business: Business


def come_out(random: Random, settings: LenderSettings, world: World) -> Outcomes:
    """The true risk, what became of it, and what the legacy process made of what it saw."""
    n = len(world.people)
    pd = share(_log_odds(world) + 0.6 * settings.drift * world.people.period + NOISE * random.normal(size=n))
    default_12m = random.random(n) < pd
    elapsed = random.random(n) ** SEASONING
    days = np.where(default_12m, GRACE + np.floor(elapsed * (YEAR - GRACE)), 0).astype(np.int64)
    points = _legacy_points(random, world)
    return Outcomes(
        pd=pd,
        default_90d=default_12m & (days <= EARLY),
        default_12m=default_12m,
        days=days,
        points=points,
        approved=(points >= CUT_OFF) & ~_knocked_out(world),
    )


def _log_odds(world: World) -> Floats:
    """Log-odds of default within a year, by what is true of applicants, whether or not a source shows it."""
    people, form, bureau, bank = world.people, world.form, world.bureau, world.bank
    monthly = people.income / 12
    burden = np.clip((bureau.payments + form.instalment) / monthly, 0, 1.2)
    return np.asarray(
        INTERCEPT
        + 0.30 * people.latent
        + 0.42 * people.credit
        + 0.34 * people.cash
        + 0.32 * people.work
        + 0.25 * people.conduct
        + 1.0 * (bureau.utilisation - 0.35)
        + 0.8 * np.clip(bureau.rise, -0.5, 0.5)
        + 0.22 * np.minimum(bureau.missed, 5)
        + 0.35 * np.minimum(bureau.behind, 3)
        + 0.09 * np.minimum(bureau.inquiries, 6)
        + 0.40 * np.minimum(bureau.records, 2)
        + 1.4 * (burden - 0.3)
        + 1.6 * (np.minimum(form.amount / people.income, 0.8) - 0.2)
        + 0.35 * (form.term_months > 36)
        + 0.40 * (form.purpose == list(PURPOSES).index("small_business"))
        + 0.10 * np.minimum(bank.overdrafts, 6)
        + 1.0 * bank.pay_gap
        - 0.25 * np.clip(bank.cushion, -1, 2)
        + 3.0 * np.minimum(bank.wagered, 0.2)
        + 1.0 * np.clip(form.inflation, 0, 0.6)
        + 0.30 * (world.employment.contract == 1)
        - 2.0 * np.clip(world.employment.raised, -0.1, 0.1)
        - 0.08 * np.minimum(people.tenure / 365, 8)
        + 0.15 * world.employment.jobs
        + 0.20 * people.cash_lean
        + 0.24 * people.spend_rise
        - 0.20 * people.pay_rise
        - 0.30 * (np.minimum(bureau.newest, 2) - 1)
        + 0.25 * np.minimum(world.business.declined, 2)
        + 0.8 * np.isfinite(people.job_lost)
        + 0.5 * np.isfinite(people.shock)
        + 0.15 * np.minimum(world.business.late, 4)
        + 0.010 * np.minimum(world.business.worst, 60)
    )


def _knocked_out(world: World) -> Bools:
    """The legacy process's rules: a burden or a file that no score makes good."""
    bureau, form = world.bureau, world.form
    burden = (bureau.payments * bureau.has_file + form.instalment) / (form.annual_income / 12)
    behind = bureau.has_file & ((bureau.behind >= 3) | (bureau.records >= 3))
    poor = form.annual_income < 12_000
    return np.asarray((burden > 0.75) | behind | poor | (world.business.worst > 90))


def _legacy_points(random: Random, world: World) -> Ints:
    """The legacy scorecard: the bureau's score, the size of the loan, time in the job, own arrears, and noise."""
    bureau, form, people = world.bureau, world.form, world.people
    score = np.where(bureau.has_file, bureau.score, 640.0)
    burden = np.clip((bureau.payments * bureau.has_file + form.instalment) / (form.annual_income / 12), 0, 1.2)
    years = np.nan_to_num(form.employment_years, nan=2.0)
    points = (
        600
        + 0.75 * (score - 660)
        - 90 * (burden - 0.3)
        - 60 * (form.amount / form.annual_income - 0.2)
        + 4 * np.minimum(years, 8)
        - 10 * np.minimum(world.business.late, 4)
        + 35 * random.normal(size=len(people))
    )
    return np.asarray(np.rint(points), dtype=np.int64)
