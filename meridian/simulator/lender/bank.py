"""Half a year on the bank account: pay, bills, spending, and what happens when there is too little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meridian.simulator.lender.bureau import Bureau
from meridian.simulator.lender.chance import Bools, Floats, Ints, Random, cents, counted, total
from meridian.simulator.lender.form import Form
from meridian.simulator.lender.population import People
from meridian.simulator.lender.streams import TRANSACTIONS, Events, code, days_before

LINKED = 0.78
"""The share of applicants who let the lender see their account."""
DAYS = 182.0
MONTH = 30.4375
FEE = 34.0
RETURNED_BELOW = -250.0
"""The balance, in dollars, below which the bank sends back bills."""
NOTHING_BELOW, PASSES = -600.0, 3
"""The balance below which it lets no spending through, and how often what it lets through is worked out."""
BILLS = tuple(code(TRANSACTIONS, "kind", kind) for kind in ("rent", "utilities", "loan_payment", "card_payment"))
SPENDING = {"groceries": (9.0, 0.40), "cash": (4.0, 0.18), "other": (5.5, 0.30), "transfer_out": (2.2, 0.12)}
"""How often in half a year people spend, and on what share of what they can."""


@dataclass(frozen=True)
class Bank:
    """The account's events, and what they come to for each applicant, linked or not.

    `overdrafts` counts times below zero in half a year, `pay_gap` is the share of expected pay of the last quarter
    that did not come, `cushion` the newest balance over a month's pay, `wagered` the share of pay that is wagered.
    """

    events: Events
    linked: Bools
    overdrafts: Floats
    pay_gap: Floats
    cushion: Floats
    wagered: Floats


@dataclass(frozen=True)
class _Moves:
    """Movements on accounts: whose, days before the application, kind, and dollars (below zero: paid out)."""

    who: Ints
    days: Floats
    kind: Ints
    dollars: Floats


def transact(random: Random, people: People, form: Form, bureau: Bureau) -> Bank:
    """Half a year on each applicant's account; what is shown scales with the income shown."""
    n = len(people)
    linked = random.random(n) < LINKED
    pay = people.income * 0.76 / 12
    salary = _salary(random, people, pay)
    moves = _join([salary, *_bills(random, people, form, bureau, pay), *_spending(random, people, bureau, pay)])
    start = pay * np.exp(-0.6 - 0.75 * people.cash + 0.5 * random.normal(size=n))
    moves, balance, overdrafts = _settle(moves, start, n)
    scale = people.shown_income / people.income
    keep = np.flatnonzero(linked[moves.who])
    who = moves.who[keep]
    recent = moves.days < 91
    earned = total(moves.who, moves.dollars * (moves.kind == 0) * recent, n)
    wagers = moves.kind == code(TRANSACTIONS, "kind", "gambling")
    last = np.flatnonzero(np.diff(moves.who, append=n))
    return Bank(
        events={
            "row": who,
            "event_at": days_before(people.applied_at[who], moves.days[keep]),
            "kind": moves.kind[keep].astype(np.int8),
            "amount_cents": cents(moves.dollars[keep] * scale[who]),
            "balance_cents": cents(balance[keep] * scale[who]),
        },
        linked=linked,
        overdrafts=overdrafts,
        pay_gap=np.clip(1 - earned / (3 * pay), 0, 1),
        cushion=np.clip(balance[last] / pay, -2, 5),
        wagered=np.clip(-total(moves.who, moves.dollars * wagers, n) / (6 * pay), 0, 1),
    )


def _join(parts: list[_Moves]) -> _Moves:
    """All movements in the order of their owners, then of time."""
    who, days, kind, dollars = (np.concatenate([getattr(p, name) for p in parts]) for name in _Moves.__annotations__)
    order = np.argsort(who * 1_000.0 - days, kind="stable")
    return _Moves(who[order], days[order], kind[order], dollars[order])


def _move(kind: str, who: Ints, days: Floats, dollars: Floats) -> _Moves:
    """Movements of one kind that fall within the half year."""
    keep = (days > 0.01) & (days < DAYS)
    kinds = np.full(int(keep.sum()), code(TRANSACTIONS, "kind", kind))
    return _Moves(who[keep], days[keep], kinds, dollars[keep])


def _salary(random: Random, people: People, pay: Floats) -> _Moves:
    """Pay, monthly or every two weeks, by those who have a job; the less steady the work, the less regular."""
    n = len(people)
    fortnightly = random.random(n) < 0.42
    step = np.where(fortnightly, 14.0, MONTH)
    who, place = counted(np.where(people.employed, np.where(fortnightly, 13, 6), 0))
    m = len(who)
    unsteady = np.exp(0.55 * people.work[who])
    days = (random.random(n) * step)[who] + place * step[who] + random.normal(size=m) * 1.1 * unsteady
    days = np.clip(days, 0.02, DAYS - 0.1)
    skipped = random.random(m) < 0.03 * unsteady
    earned = (days > people.job_lost[who]) | ~np.isfinite(people.job_lost[who])
    dollars = pay[who] * step[who] / MONTH * np.exp(0.06 * unsteady * random.normal(size=m))
    dollars *= np.exp(0.07 * people.pay_rise[who] * (1 - 2 * days / DAYS))
    keep = earned & ~skipped
    return _move("salary", who[keep], days[keep], dollars[keep])


def _bills(random: Random, people: People, form: Form, bureau: Bureau, pay: Floats) -> list[_Moves]:
    """What is due every month: rent, utilities, loans and cards; benefits, where there is no job, come in likewise."""
    n = len(people)
    jobless = ~people.employed | np.isfinite(people.job_lost)
    rents = (form.housing == 0) | (form.housing == 3)
    card = np.minimum(bureau.payments * (0.3 + 0.5 * random.random(n)), pay * 0.35)
    loan = np.minimum(np.maximum(bureau.payments - card, 0), pay * 0.45)
    monthly = (
        ("rent", -pay * np.where(rents, 0.24, 0.0) * np.exp(0.2 * random.normal(size=n)), np.inf),
        ("utilities", -pay * 0.06 * np.exp(0.3 * random.normal(size=n)), np.inf),
        ("loan_payment", -loan * (loan > 40), np.inf),
        ("card_payment", -card, np.inf),
        ("benefit", pay * np.where(jobless, 0.45, 0.0), np.where(people.employed, people.job_lost, np.inf)),
    )
    return [_monthly(random, kind, dollars, since, n) for kind, dollars, since in monthly]


def _monthly(random: Random, kind: str, dollars: Floats, since: Floats | float, n: int) -> _Moves:
    """Six monthly movements of those whose amount is not nothing, from some days before the application on."""
    who, place = counted(np.where(np.abs(dollars) >= 1, 6, 0))
    days = (random.random(n) * 29)[who] + place * MONTH + 0.02
    amount = dollars[who] * np.exp(0.05 * random.normal(size=len(who)))
    keep = days < np.broadcast_to(since, n)[who]
    return _move(kind, who[keep], days[keep], amount[keep])


def _spending(random: Random, people: People, bureau: Bureau, pay: Floats) -> list[_Moves]:
    """Spending at will: what is left after bills, and of those short of cash more than that; gifts; blows."""
    n = len(people)
    free = np.maximum(pay * (0.94 + 0.045 * people.cash) - bureau.payments * 0.8 - pay * 0.26, pay * 0.16) * 6
    parts = []
    for kind, (times, part) in SPENDING.items():
        lean = 0.6 * people.cash_lean - 0.18 if kind == "cash" else np.zeros(n)
        who, _ = counted(random.poisson(times * np.exp(lean)))
        days = random.random(len(who)) * DAYS
        dollars = -free[who] * part / times * np.exp(0.45 * random.normal(size=len(who)) - 0.1)
        dollars *= np.exp(0.30 * people.spend_rise[who] * (1 - 2 * days / DAYS))
        parts.append(_move(kind, who, days, dollars))
    who, _ = counted(random.poisson(np.exp(-0.75 + 1.0 * people.cash), n))
    wager = -pay[who] * 0.03 * np.exp(0.7 * random.normal(size=len(who)))
    parts.append(_move("gambling", who, random.random(len(who)) * DAYS, wager))
    who, _ = counted(random.poisson(1.2 * np.exp(0.15 * people.cash), n))
    gift = pay[who] * 0.12 * random.exponential(1.0, len(who))
    parts.append(_move("transfer_in", who, random.random(len(who)) * DAYS, gift))
    who, _ = counted(np.where(np.isfinite(people.shock), 3, 0))
    days = np.maximum(people.shock[who] * random.random(len(who)), 0.05)
    parts.append(_move("other", who, days, -pay[who] * (0.12 + 0.2 * random.random(len(who)))))
    return parts


def _settle(moves: _Moves, start: Floats, n: int) -> tuple[_Moves, Floats, Floats]:
    """Charge a fee whenever an account falls below zero, send back bills that fall far below, and run the balance."""
    moves = _held_back(moves, start)
    balance = _balance(moves, start)
    before = balance - moves.dollars
    below = (balance < 0) & (before >= 0)
    sent_back = np.isin(moves.kind, BILLS) & (balance < RETURNED_BELOW) & (before - balance > 20)
    # Banks let some bills through all the same: of those that fall far below, a third comes back.
    sent_back &= np.arange(len(balance)) % 3 == 0
    soon = np.maximum(moves.days - 0.9, 0.02)
    fees = _move("overdraft_fee", moves.who[below], soon[below], np.full(int(below.sum()), -FEE))
    back = _move("returned_payment", moves.who[sent_back], soon[sent_back], -moves.dollars[sent_back])
    overdrafts = total(moves.who, below | sent_back, n)
    moves = _join([moves, fees, back])
    return moves, _balance(moves, start), overdrafts


def _held_back(moves: _Moves, start: Floats) -> _Moves:
    """The movements that the bank lets through: far below zero it pays bills and little else.

    What is refused leaves more for what comes after, so half of it is refused at a time, and the balance run again.
    """
    for _ in range(PASSES):
        refused = (_balance(moves, start) < NOTHING_BELOW) & (moves.dollars < 0) & ~np.isin(moves.kind, BILLS)
        refused &= np.cumsum(refused) % 2 == 0
        keep = ~refused
        moves = _Moves(moves.who[keep], moves.days[keep], moves.kind[keep], moves.dollars[keep])
    return moves


def _balance(moves: _Moves, start: Floats) -> Floats:
    """The balance after each movement; the movements are in the order of their owners, then of time."""
    run = np.cumsum(moves.dollars)
    first = np.flatnonzero(np.diff(moves.who, prepend=-1))
    counts = np.diff(first, append=len(run))
    return np.asarray(run - np.repeat(run[first] - moves.dollars[first], counts) + start[moves.who])
