"""Employment, as verified: the employer of today and those before, with every report on each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meridian.simulator.lender.chance import Bools, Floats, Ints, Random, cents, counted, pick
from meridian.simulator.lender.population import People
from meridian.simulator.lender.streams import NO_DAY, RECORDS, Events, code, days_before, first_days

VERIFIED = 0.85
"""The share of applicants whose employment can be verified."""
OLDEST, YEAR = 2_900.0, 365.0
"""Days before the application of the oldest report, and between two reports on one employer."""


@dataclass(frozen=True)
class Employment:
    """Reports on employers, and what stands in them: `contract` is a code, `raised` the log of the yearly
    raise, `jobs` counts those before the newest."""

    events: Events
    verified: Bools
    contract: Ints
    raised: Floats
    jobs: Ints


@dataclass(frozen=True)
class _Reports:
    """Reports: whose, on which job (0: the newest), days ago of the report, its start and its end (NaN: none)."""

    who: Ints
    job: Ints
    days: Floats
    started: Floats
    ended: Floats
    income: Floats


def verify(random: Random, people: People) -> Employment:
    """What employers and registers confirm of each applicant."""
    n = len(people)
    verified = random.random(n) < VERIFIED
    contract = _contract(random, people)
    raised = 0.03 - 0.035 * people.work + 0.03 * random.normal(size=n)
    parts = [_newest(random, people, raised), *_earlier(random, people)]
    who, job, days, started, ended, income = (
        np.concatenate([getattr(part, name) for part in parts]) for name in _Reports.__annotations__
    )
    jobs = np.zeros(n, dtype=np.int64)
    np.maximum.at(jobs, who, job)
    then = pick(random, len(who), (0.66, 0.24, 0.10))
    ended_day = np.full(len(who), NO_DAY, dtype=np.int32)
    over = ~np.isnan(ended)
    ended_day[over] = first_days(days_before(people.applied_at[who[over]], ended[over]))
    shown = income * (people.shown_income / people.income)[who]
    events: Events = {
        "row": who,
        "event_at": days_before(people.applied_at[who], days),
        "shown": verified[who],
        "key": jobs[who] - job + 1,
        "contract": np.where(job == 0, contract[who], then).astype(np.int8),
        "started_day": first_days(days_before(people.applied_at[who], started)),
        "ended_day": ended_day,
        "income_cents": cents(np.round(shown, -1)),
    }
    return Employment(events=events, verified=verified, contract=contract, raised=raised, jobs=jobs)


def _contract(random: Random, people: People) -> Ints:
    """The newest contract: the less steady the work, the more often a temporary one."""
    draw = random.random(len(people)) + 0.13 * people.work
    names = ("permanent", "temporary", "self_employed", "none")
    permanent, temporary, own, none = (code(RECORDS, "contract", name) for name in names)
    working = np.where(draw < 0.74, permanent, np.where(draw < 0.90, temporary, own))
    return np.where(people.employed, working, none).astype(np.int64)


def _newest(random: Random, people: People, raised: Floats) -> _Reports:
    """One report when the job began, or eight years ago; one each year since; and one when the job was lost."""
    lost = np.isfinite(people.job_lost)
    started = _started(people)
    first = np.minimum(started, OLDEST)
    until = np.where(lost, people.job_lost, 0.0)
    yearly = np.ceil((first - until) / YEAR).astype(np.int64)
    who, place = counted(yearly + lost)
    last = lost[who] & (place == yearly[who])
    days = np.where(last, until[who], first[who] - place * YEAR - np.where(place > 0, 20 * random.random(len(who)), 0))
    days = np.maximum(days, until[who] + 0.51 * ~last)
    income = np.where(people.employed, people.income, 0.0)[who] * np.exp(-raised[who] * days / YEAR)
    return _Reports(
        who, np.zeros(len(who), dtype=np.int64), days, started[who], np.where(last, until[who], np.nan), income
    )


def _started(people: People) -> Floats:
    """Days before the application on which the newest job began: a month before it was lost, at the latest."""
    return np.maximum(people.tenure, people.job_lost + 30)


def _earlier(random: Random, people: People) -> list[_Reports]:
    """Up to three jobs before, each reported when it began and when it ended."""
    n = len(people)
    jobs = np.minimum(random.poisson(np.exp(-0.2 + 0.35 * people.work), n), 3)
    end = _started(people) + 1
    level = people.income * np.exp(-0.10 + 0.15 * random.normal(size=n))
    parts = []
    for job in range(1, 4):
        end = end + random.exponential(40 * np.exp(0.4 * people.work)) + 1
        start = end + 60 + random.exponential(650.0, n)
        who = np.flatnonzero((jobs >= job) & (start < OLDEST) & (people.age * 365 - start > 17 * 365))
        number = np.full(len(who), job)
        for day, ended in ((start, np.nan), (end, end)):
            there = np.broadcast_to(ended, n)[who]
            parts.append(_Reports(who, number, day[who], start[who], there, level[who] * 0.92 ** (job - 1)))
        end = start
    return parts
