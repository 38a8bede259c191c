"""The lender's own business with those who apply again: earlier applications, loans and their repayment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meridian.simulator.lender.chance import Bools, Floats, Ints, Random, cents, counted, pick, share, total
from meridian.simulator.lender.population import People
from meridian.simulator.lender.streams import Events, days_before, first_days

KNOWN = 0.35
"""The share of applicants who have had business with the lender."""
MONTH = 30.4375
SNAPSHOT = 3
"""A loan's standing is noted every so many months."""


@dataclass(frozen=True)
class Business:
    """The lender's own events, and what they come to for each applicant.

    `late` counts repayments late by over ten days, `worst` is the worst of them in days, `declined` counts
    applications that were declined.
    """

    events: dict[str, Events]
    known: Bools
    late: Floats
    worst: Floats
    declined: Floats


def business(random: Random, people: People) -> Business:
    """Earlier business of some of the applicants."""
    n = len(people)
    known = random.random(n) < KNOWN
    who, place = counted(np.where(known & (random.random(n) < 0.88), 1 + np.minimum(random.poisson(0.5, n), 3), 0))
    m = len(who)
    months = np.array([12, 24, 36])[pick(random, m, (0.4, 0.35, 0.25))]
    opened = (35 + 420 * random.random(m)) * (place + 1) + 250 * random.random(m)
    principal = np.clip(
        np.round(people.income[who] * 0.09 * np.exp(0.5 * random.normal(size=m)) / 25) * 25, 500, 30_000
    )
    # Loans are numbered as they were opened; the newest has place 0.
    key = total(who, np.ones(m), n)[who].astype(np.int64) - place
    repayments, late_days = _repayments(random, people, who, key, months, opened, principal)
    late = total(repayments["row"], late_days > 10, n)
    worst = np.zeros(n)
    np.maximum.at(worst, repayments["row"], late_days)
    loans = _loans(people, who, key, months, opened, principal, repayments)
    earlier = _applications(random, people, who, opened, principal, known)
    repayments.pop("loan")
    declined = total(earlier["row"], earlier["outcome"] == 1, n)
    events = {"loans": loans, "repayments": repayments, "applications": earlier}
    return Business(events=events, known=known, late=late, worst=worst, declined=declined)


def _repayments(
    random: Random, people: People, who: Ints, key: Ints, months: Ints, opened: Floats, principal: Floats
) -> tuple[Events, Floats]:
    """Repayments that fell due, some paid late; the event is the payment, so a late one stands later."""
    past = np.minimum(np.floor(opened / MONTH).astype(np.int64), months)
    loan, place = counted(past)
    owner, m = who[loan], len(loan)
    due_days = opened[loan] - (place + 1) * MONTH
    hard = 1.2 * (due_days < people.job_lost[owner]) + 0.9 * (due_days < people.shock[owner])
    late = random.random(m) < share(-3.3 + 1.0 * people.conduct[owner] + hard)
    late_days = np.floor(np.where(late, 1 + random.exponential(11 * np.exp(0.35 * people.conduct[owner])), 0.0))
    late_days = np.minimum(late_days, np.floor(np.minimum(due_days, 150.0)).clip(0))
    due = (principal / months * 1.12)[loan]
    short = (random.random(m) < 0.25) & (late_days > 0)
    paid = np.where(short, due * random.random(m), due)
    return {
        "row": owner,
        "event_at": days_before(people.applied_at[owner], np.maximum(due_days - late_days, 0.02)),
        "loan": loan,
        "key": key[loan],
        "due_cents": cents(due),
        "paid_cents": cents(paid),
        "days_late": late_days.astype(np.int32),
    }, late_days


def _loans(
    people: People, who: Ints, key: Ints, months: Ints, opened: Floats, principal: Floats, repayments: Events
) -> Events:
    """How each loan stood when it was opened, every few months, and when its last repayment fell due."""
    past = np.minimum(np.floor(opened / MONTH).astype(np.int64), months)
    over = past == months
    loan, place = counted(1 + (past + SNAPSHOT - 1) // SNAPSHOT)
    month = np.minimum(place * SNAPSHOT, past[loan])
    # The lateness of a standing is that of the repayment before it; repayments lie in the order of their loans.
    starts = np.cumsum(past) - past
    latest = np.where(month > 0, starts[loan] + month - 1, 0)
    days_late = np.where(month > 0, np.append(repayments["days_late"], 0)[latest], 0)
    owner = who[loan]
    closed = over[loan] & (month == months[loan])
    return {
        "row": owner,
        "event_at": days_before(people.applied_at[owner], np.maximum(opened[loan] - month * MONTH - (month > 0), 0.01)),
        "key": key[loan],
        "opened_day": first_days(days_before(people.applied_at[owner], opened[loan])),
        "principal_cents": cents(principal[loan]),
        "balance_cents": cents(principal[loan] * (1 - month / months[loan])),
        "days_late": days_late.astype(np.int32),
        "closed": closed,
    }


def _applications(random: Random, people: People, who: Ints, opened: Floats, principal: Floats, known: Bools) -> Events:
    """The applications that led to the loans, and others that led to none."""
    others, _ = counted(np.where(known, random.poisson(np.exp(-0.9 + 0.45 * people.conduct)), 0))
    m = len(others)
    declined = random.random(m) < share(0.1 + 0.5 * people.latent[others])
    row = np.concatenate([who, others])
    days = np.concatenate([opened + 3 * random.random(len(opened)), 2 + 900 * random.random(m) ** 1.4])
    asked = people.income[others] * 0.12 * np.exp(0.5 * random.normal(size=m))
    return {
        "row": row,
        "event_at": days_before(people.applied_at[row], days),
        "product": np.concatenate([np.zeros(len(who)), random.random(m) < 0.4]).astype(np.int8),
        "amount_cents": cents(np.concatenate([principal, np.round(asked / 25) * 25])),
        "outcome": np.concatenate([np.zeros(len(who)), np.where(declined, 1, 2)]).astype(np.int8),
    }
