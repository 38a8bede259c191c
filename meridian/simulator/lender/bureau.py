"""The credit bureau: a year of monthly reports on every account, inquiries, public records and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meridian.simulator.lender.chance import Bools, Floats, Ints, Random, cents, counted, pick, share, total
from meridian.simulator.lender.form import Form
from meridian.simulator.lender.population import People
from meridian.simulator.lender.settings import LenderSettings
from meridian.simulator.lender.streams import Events, days_before, first_days

NO_FILE = 0.025
"""The share of applicants of whom the bureau has never heard."""
REPORTS, MONTH = 12, 30.4375
CARD, MORTGAGE = 0, 4
KINDS = (0.50, 0.20, 0.15, 0.08, 0.07)
TERMS = np.array([np.inf, 48.0, 66.0, 150.0, 330.0])
"""Months over which each kind of account is paid back; a card never is."""
SIZES = np.array([-2.1, -1.5, -0.8, -0.7, 0.9])
"""Of each kind, the typical log of its limit over a year's income."""
HIDDEN, SCORED_LOWER = -0.45, 22
"""What a disparity of 1 does to group B: the log of the share of its further accounts on file, and points lost."""
CHARGED_OFF, COLLECTION = 5, 6
"""Payments missed in a row at which an account is written off, and at which it is sold to a collector."""


@dataclass(frozen=True)
class Bureau:
    """The bureau's events, and what they come to for each applicant when nothing is hidden or missing.

    `utilisation` is of the cards now, `rise` its change in half a year, `payments` dollars a month; `missed` counts
    payments missed in the year, `behind` the most payments that any account is behind now or was in the last
    quarter; `inquiries` are of half a year and `records` of seven years;
    `newest` is the age of the newest account in years. `score` is the newest, as shown.
    """

    events: dict[str, Events]
    has_file: Bools
    utilisation: Floats
    rise: Floats
    payments: Floats
    missed: Floats
    behind: Floats
    inquiries: Floats
    records: Floats
    newest: Floats
    score: Floats


def report(random: Random, settings: LenderSettings, people: People, form: Form) -> Bureau:
    """What the bureau has on each applicant. A disparity hides accounts of group B and lowers its scores."""
    n = len(people)
    has_file = random.random(n) >= NO_FILE
    accounts = _accounts(random, settings, people, form)
    used = _used(random, people, accounts)
    behind = _behind(random, people, accounts)
    tradelines, sums = _tradelines(people, accounts, used, behind)
    inquiries, recent = _inquiries(random, people)
    records, count = _public_records(random, people)
    sums |= {"inquiries": recent, "records": count}
    scores, score = _scores(random, settings, people, sums)
    streams = {"tradelines": tradelines, "inquiries": inquiries, "public_records": records, "scores": scores}
    for events in streams.values():
        events["shown"] = events.get("shown", np.ones(len(events["row"]), dtype=np.bool_)) & has_file[events["row"]]
    return Bureau(events=streams, has_file=has_file, score=score, **sums)


@dataclass(frozen=True)
class _Accounts:
    """Accounts, one entry each: whose, which, when opened and last reported in days before the application."""

    who: Ints
    key: Ints
    kind: Ints
    opened: Floats
    limit: Floats
    reported: Floats
    shown: Bools


def _accounts(random: Random, settings: LenderSettings, people: People, form: Form) -> _Accounts:
    n = len(people)
    years = np.maximum((people.age - 18) * random.beta(3.0, 2.0, n), 0.3)
    who, place = counted(1 + np.minimum(random.poisson(1.9 + 1.6 * np.minimum(years / 15, 1.2)), 9))
    m = len(who)
    kind = pick(random, m, KINDS)
    # Who pays no mortgage has none on file; a first account is a card as often as not.
    kind = np.where((kind == MORTGAGE) & (form.housing[who] != 1), CARD, kind)
    spread = np.where(kind == CARD, 0.55, 0.35) * random.normal(size=m)
    limit = people.income[who] * np.exp(SIZES[kind] + spread - 0.22 * people.credit[who] * (kind == CARD))
    newest = np.where(random.random(m) < share(-1.6 + 0.9 * people.growth[who]), 500.0, np.inf)
    # The bureau forgets what was paid back long ago.
    oldest = np.minimum(years[who] * 365, 1.4 * MONTH * TERMS[kind])
    opened = np.minimum(oldest, newest) * np.where(place == 0, 1.0, random.random(m))
    hidden = random.random(m) < 1 - np.exp(HIDDEN * settings.disparity)
    return _Accounts(
        who=who,
        key=place + 1,
        kind=kind,
        opened=np.maximum(opened, 25.0),
        limit=np.round(np.maximum(limit, 300.0), -2),
        reported=random.uniform(1, 30, m),
        shown=~(hidden & people.group_b[who] & (place > 0)),
    )


def _days_before(accounts: _Accounts) -> Floats:
    """Days before the application of each account's reports, the newest first: accounts by months."""
    return np.asarray(accounts.reported[:, None] + MONTH * np.arange(REPORTS)[None, :])


def _used(random: Random, people: People, accounts: _Accounts) -> Floats:
    """The share of each limit that is owed, at each report."""
    who, m = accounts.who, len(accounts.who)
    days = _days_before(accounts)
    level = share(-1.05 + 0.75 * people.credit[who] + 0.30 * people.cash[who] + 0.8 * random.normal(size=m))
    path = level[:, None] * np.exp(-people.growth[who][:, None] * days / 365)
    path += 0.16 * (days < people.shock[who][:, None]) + 0.12 * (days < people.job_lost[who][:, None])
    path = np.clip(path + 0.05 * random.normal(size=(m, REPORTS)), 0.0, 1.12)
    age = (accounts.opened[:, None] - days) / MONTH
    left = np.clip(1 - age / TERMS[accounts.kind][:, None], 0.0, 1.0)
    return np.where(accounts.kind[:, None] == CARD, path, left)


def _behind(random: Random, people: People, accounts: _Accounts) -> Ints:
    """How many payments each account is behind at each report: one more when one is missed, none when caught up."""
    who, m = accounts.who, len(accounts.who)
    days = _days_before(accounts)
    base = -5.5 + 0.85 * people.credit[who] + 0.35 * people.cash[who] + 0.4 * random.normal(size=m)
    state = np.where(random.random(m) < share(base + 0.5), 1, 0)
    states = np.zeros((m, REPORTS), dtype=np.int64)
    for month in reversed(range(REPORTS)):
        now = days[:, month]
        odds = base + 1.3 * (now < people.job_lost[who]) + 1.0 * (now < people.shock[who])
        draw = random.random(m)
        worse = draw < np.where(state == 0, share(odds), 0.26 + 0.06 * np.clip(people.credit[who], -2, 3))
        cured = (draw > 0.60) & (state < CHARGED_OFF)
        state = np.where(worse, np.minimum(state + 1, COLLECTION), np.where(cured, 0, state))
        states[:, month] = state
    return states


def _tradelines(people: People, accounts: _Accounts, used: Floats, behind: Ints) -> tuple[Events, dict[str, Floats]]:
    n, who, kind = len(people), accounts.who, accounts.kind
    days = _days_before(accounts)
    card = kind == CARD
    balance = used * accounts.limit[:, None]
    paid_off = ~card[:, None] & (used <= 0)
    instalment = accounts.limit / np.where(card, 1.0, TERMS[kind]) * 1.2
    payment = np.where(card[:, None], np.minimum(np.maximum(25, 0.03 * balance), balance + 25), instalment[:, None])
    payment = np.where(paid_off, 0.0, payment)
    behind = np.where(paid_off, 0, behind)
    status = np.where(behind >= COLLECTION, 3, np.where(behind == CHARGED_OFF, 2, np.where(paid_off, 1, 0)))
    there = accounts.opened[:, None] > days
    a, month = np.nonzero(there)
    opened = first_days(days_before(people.applied_at[who], accounts.opened))
    events: Events = {
        "row": who[a],
        "event_at": days_before(people.applied_at[who[a]], days[a, month]),
        "shown": accounts.shown[a],
        "key": accounts.key[a],
        "kind": kind[a].astype(np.int8),
        "opened_day": opened[a],
        "limit_cents": cents(accounts.limit)[a],
        "balance_cents": cents(balance[a, month]),
        "payment_cents": cents(payment[a, month]),
        "days_past_due": (30 * behind[a, month]).astype(np.int32),
        "past_due_cents": cents(payment[a, month]) * behind[a, month],
        "status": status[a, month].astype(np.int8),
    }
    limits = np.maximum(total(who, accounts.limit * card, n), 1.0)
    now, then = (total(who, balance[:, month] * card, n) / limits for month in (0, 6))
    worst = np.zeros(n)
    newest = np.full(n, np.inf)
    np.minimum.at(newest, who, accounts.opened / 365)
    np.maximum.at(worst, who, np.where(there, behind, 0)[:, :3].max(axis=1).astype(np.float64))
    return events, {
        "utilisation": now,
        "rise": now - then,
        "payments": total(who, payment[:, 0] * there[:, 0], n),
        "missed": total(who, ((behind > 0) & there).sum(axis=1).astype(np.float64), n),
        "behind": worst,
        "newest": newest,
    }


def _inquiries(random: Random, people: People) -> tuple[Events, Floats]:
    """Two years of inquiries, nearer to the present for those whose debt grows."""
    n = len(people)
    seeking = np.clip(people.growth, -1, 1.5)
    who, _ = counted(random.poisson(np.exp(0.85 + 0.20 * people.credit + 0.40 * seeking)))
    days = 729 * random.random(len(who)) ** (1.2 + 0.8 * np.clip(seeking[who], -0.5, 1.5)) + 0.01
    events: Events = {
        "row": who,
        "event_at": days_before(people.applied_at[who], days),
        "kind": pick(random, len(who), (0.42, 0.36, 0.15, 0.07)).astype(np.int8),
    }
    return events, total(who, days < 182, n)


def _public_records(random: Random, people: People) -> tuple[Events, Floats]:
    n = len(people)
    who, _ = counted(random.poisson(np.exp(-3.1 + 0.65 * people.credit)))
    days = 2_550 * random.random(len(who)) + 1
    events: Events = {
        "row": who,
        "event_at": days_before(people.applied_at[who], days),
        "kind": pick(random, len(who), (0.45, 0.20, 0.35)).astype(np.int8),
        "amount_cents": cents(np.exp(7.6 + 0.9 * random.normal(size=len(who)))),
    }
    return events, total(who, np.ones(len(who)), n)


def _scores(random: Random, settings: LenderSettings, people: People, sums: dict[str, Floats]) -> tuple[Events, Floats]:
    """Pulled scores: the newest knows the file as it stands, older ones ever less of it."""
    n = len(people)
    who, place = counted(2 + np.minimum(random.poisson(1.1, n), 5))
    m = len(who)
    days = (random.random(n) * 60)[who] + np.where(place > 0, 170 * (place - 0.4 + 0.8 * random.random(m)), 0.01)
    file = (
        -30 * people.credit
        - 60 * (sums["utilisation"] - 0.3)
        - 9 * np.minimum(sums["missed"], 8)
        - 6 * np.minimum(sums["inquiries"], 8)
        - 35 * np.minimum(sums["records"], 2)
    )
    noise = 24 * random.normal(size=n)[who] + 12 * place * random.normal(size=m)
    score = 708 + file[who] * 0.9**place + noise - SCORED_LOWER * settings.disparity * people.group_b[who]
    score = np.clip(np.rint(score), 300, 850)
    events: Events = {
        "row": who,
        "event_at": days_before(people.applied_at[who], days),
        "score": score.astype(np.int32),
    }
    return events, score[place == 0]
