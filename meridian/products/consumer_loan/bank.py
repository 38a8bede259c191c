"""The applicant's bank account, where it was linked: what comes in, what goes out, what is left."""

from __future__ import annotations

from datetime import timedelta

from meridian.features import (
    Aggregate,
    Column,
    Compare,
    Direction,
    Feature,
    Kind,
    Op,
    Plausible,
    Silence,
    Source,
    Stream,
    Where,
)
from meridian.features.compute import Compute, field, less, or_never, over, ratio

UP, DOWN, FREE = Direction.RAISES_RISK, Direction.LOWERS_RISK, Direction.FREE
ACTIONABLE = frozenset({"R19", "R24", "R25"})
"""Reasons that an applicant can do something about within months: to link an account, and how it is kept."""
NEVER_DAYS = 365.0
"""'Never' as a number of days: longer ago than an account is read."""
DAYS = (30, 60, 90, 180)
INTO, OUT = Where("amount_cents", Compare.ABOVE, 0), Where("amount_cents", Compare.BELOW, 0)

STREAMS = (
    Stream(
        "transactions",
        "Bookings on the linked account",
        (
            Column("kind", Kind.TEXT, "What it is for: salary, rent, overdraft_fee and the like"),
            Column("amount_cents", Kind.CENTS, "Above zero comes in, below goes out"),
            Column("balance_cents", Kind.CENTS, "What is left after it"),
        ),
    ),
)


def _of(days: int, name: str, op: Op, column: str | None = None, *where: Where) -> Aggregate:
    return Aggregate(f"{name}_{days}d", "transactions", op, column, days, where)


def _kind(*kinds: str) -> Where:
    return Where("kind", Compare.IS, kinds)


AGGREGATES = (
    *(_of(d, "bookings", Op.COUNT) for d in DAYS),
    *(_of(d, "money_in", Op.SUM, "amount_cents", INTO) for d in DAYS),
    *(_of(d, "money_out", Op.SUM, "amount_cents", OUT) for d in DAYS),
    *(_of(d, "salary", Op.SUM, "amount_cents", _kind("salary")) for d in DAYS),
    *(_of(d, "salaries", Op.COUNT, None, _kind("salary")) for d in DAYS),
    *(_of(d, "balance_low", Op.LOWEST, "balance_cents") for d in DAYS),
    *(_of(d, "balance_mean", Op.MEAN, "balance_cents") for d in DAYS),
    *(_of(d, "overdrafts", Op.COUNT, None, _kind("overdraft_fee")) for d in DAYS),
    *(_of(d, "returned", Op.COUNT, None, _kind("returned_payment")) for d in DAYS),
    *(_of(d, "below_zero", Op.COUNT, None, Where("balance_cents", Compare.BELOW, 0)) for d in DAYS),
    *(_of(d, "debt_payments", Op.SUM, "amount_cents", _kind("loan_payment", "card_payment")) for d in DAYS[2:]),
    *(_of(d, "gambling", Op.SUM, "amount_cents", _kind("gambling")) for d in DAYS[2:]),
    *(_of(d, "cash", Op.SUM, "amount_cents", _kind("cash")) for d in DAYS[2:]),
    *(_of(d, "rent", Op.SUM, "amount_cents", _kind("rent")) for d in DAYS[2:]),
    *(_of(d, "benefit", Op.SUM, "amount_cents", _kind("benefit")) for d in DAYS[2:]),
    *(_of(d, "groceries", Op.SUM, "amount_cents", _kind("groceries")) for d in DAYS[2:]),
    *(_of(d, "sent", Op.SUM, "amount_cents", _kind("transfer_out")) for d in DAYS[2:]),
    *(_of(d, "received", Op.SUM, "amount_cents", _kind("transfer_in")) for d in DAYS[2:]),
    Aggregate("salary_high", "transactions", Op.HIGHEST, "amount_cents", 180, (_kind("salary"),)),
    Aggregate("salary_low", "transactions", Op.LOWEST, "amount_cents", 180, (_kind("salary"),)),
    Aggregate("salary_last", "transactions", Op.LAST, "amount_cents", 180, (_kind("salary"),)),
    Aggregate("since_salary", "transactions", Op.SINCE_LAST, where=(_kind("salary"),)),
    Aggregate("since_overdraft", "transactions", Op.SINCE_LAST, where=(_kind("overdraft_fee"),)),
    Aggregate("balance_last", "transactions", Op.LAST, "balance_cents"),
)  # fmt: skip

BANK = Source(
    name="bank",
    meaning="Bookings of an account that the applicant has linked, read each day",
    fresh_for=timedelta(days=15),
    too_old_after=timedelta(days=60),
    silence=Silence.NOTHING_TO_HAVE,
    streams=STREAMS,
    aggregates=AGGREGATES,
    # Between 50 and 50,000 dollars is what moves in the middle of an account's life.
    plausible=(Plausible("transactions", "amount_cents", 5_000, 5_000_000, least=10),),
)


def _f(name: str, meaning: str, unit: str, high: float, compute: Compute, group: str, direction: Direction = FREE,
       default: float = 0.0, low: float = 0.0) -> Feature:  # fmt: skip
    return Feature(
        name, "bank", meaning, unit, low, high, compute, group, direction, group in ACTIONABLE, default=default
    )


def _out(name: str) -> Compute:
    """What went out, as a number above zero."""
    return lambda f: 0.0 - f[name]


def _to_in(name: str, days: int) -> Compute:
    """What went out over all that came in."""
    return lambda f: ratio(0.0 - f[f"{name}_{days}d"], f[f"money_in_{days}d"])


FEATURES = (
    _f("bank_linked", "A bank account was linked", "0/1", 1, lambda f: f["bookings_180d"] * 0.0 + 1.0, "R19", DOWN),
    *(_f(f"bookings_{d}d", f"Bookings in {d} days", "count", 5000, field(f"bookings_{d}d"), "R21", FREE, d * 0.22) for d in DAYS),
    *(_f(f"money_in_{d}d", f"All that came in in {d} days", "USD", 1e7, field(f"money_in_{d}d"), "R21", DOWN, d * 110.0) for d in DAYS),
    *(_f(f"money_out_{d}d", f"All that went out in {d} days", "USD", 1e7, _out(f"money_out_{d}d"), "R21", FREE, d * 105.0) for d in DAYS),
    *(_f(f"left_{d}d", f"Share of what came in that did not go out in {d} days", "ratio", 1,
         lambda f, d=d: ratio(f[f"money_in_{d}d"] + f[f"money_out_{d}d"], f[f"money_in_{d}d"]), "R21", DOWN, 0.03, -1000) for d in DAYS),  # type: ignore[misc]
    *(_f(f"salary_{d}d", f"Salary in {d} days", "USD", 1e7, field(f"salary_{d}d"), "R22", DOWN, d * 90.0) for d in DAYS),
    *(_f(f"salaries_{d}d", f"Salaries in {d} days", "count", 400, field(f"salaries_{d}d"), "R22", DOWN, d / 30.0) for d in DAYS),
    *(_f(f"balance_low_{d}d", f"The lowest balance in {d} days", "USD", 1e7, field(f"balance_low_{d}d"), "R23", DOWN, 200.0, -1e6) for d in DAYS),
    *(_f(f"balance_mean_{d}d", f"The mean balance after a booking in {d} days", "USD", 1e7, field(f"balance_mean_{d}d"), "R23", DOWN, 1500.0, -1e6) for d in DAYS),
    *(_f(f"overdrafts_{d}d", f"Overdraft fees in {d} days", "count", 400, field(f"overdrafts_{d}d"), "R24", UP) for d in DAYS),
    *(_f(f"returned_{d}d", f"Returned payments in {d} days", "count", 400, field(f"returned_{d}d"), "R24", UP) for d in DAYS),
    *(_f(f"below_zero_{d}d", f"Bookings that left the balance below zero in {d} days", "count", 5000, field(f"below_zero_{d}d"), "R24", UP) for d in DAYS),
    *(_f(f"debt_payments_{d}d", f"Payments to lenders in {d} days", "USD", 1e7, _out(f"debt_payments_{d}d"), "R06", FREE, d * 12.0) for d in DAYS[2:]),
    *(_f(f"debt_share_{d}d", f"Payments to lenders over all that came in in {d} days", "ratio", 1000, _to_in("debt_payments", d), "R06", UP, 0.12) for d in DAYS[2:]),
    *(_f(f"gambling_share_{d}d", f"Gambling over all that came in in {d} days", "ratio", 1000, _to_in("gambling", d), "R25", UP) for d in DAYS[2:]),
    *(_f(f"cash_share_{d}d", f"Cash drawn over all that came in in {d} days", "ratio", 1000, _to_in("cash", d), "R25", UP, 0.05) for d in DAYS[2:]),
    *(_f(f"rent_share_{d}d", f"Rent over all that came in in {d} days", "ratio", 1000, _to_in("rent", d), "R21", FREE, 0.15) for d in DAYS[2:]),
    *(_f(f"groceries_share_{d}d", f"Groceries over all that came in in {d} days", "ratio", 1000, _to_in("groceries", d), "R21", FREE, 0.1) for d in DAYS[2:]),
    *(_f(f"sent_share_{d}d", f"Transfers out over all that came in in {d} days", "ratio", 1000, _to_in("sent", d), "R21", FREE, 0.05) for d in DAYS[2:]),
    *(_f(f"received_{d}d", f"Transfers in in {d} days", "USD", 1e7, field(f"received_{d}d"), "R21", FREE) for d in DAYS[2:]),
    _f("salary_last", "The last salary", "USD", 1e6, field("salary_last"), "R22", DOWN, 2700.0),
    _f("salary_spread", "The lowest salary of half a year over the highest", "ratio", 1, over("salary_low", "salary_high"), "R22", DOWN, 0.9),
    _f("salary_stated", "Salary of half a year over half the stated income", "ratio", 1000, over("salary_180d", "annual_income", 2.0), "R22", DOWN, 0.7),
    _f("salary_change", "Salary of 90 days over half that of 180", "ratio", 2, over("salary_90d", "salary_180d", 2.0), "R22", DOWN, 1.0),
    _f("balance_change", "Mean balance of 30 days less that of 180", "USD", 1e7, less("balance_mean_30d", "balance_mean_180d"), "R23", DOWN, 0.0, -1e7),
    _f("balance_last", "The balance after the last booking", "USD", 1e7, field("balance_last"), "R23", DOWN, 1500.0, -1e6),
    _f("balance_to_instalment", "The mean balance of 90 days over the instalment asked for", "ratio", 1e6,
       lambda f: ratio(f["balance_mean_90d"] * f["term_months"], f["amount"]), "R23", DOWN, 5.0, -1e6),
    _f("since_salary", "Since the last salary, 365 where there is none", "days", 4000, or_never("since_salary", NEVER_DAYS), "R22", UP, 14.0),
    _f("since_overdraft", "Since the last overdraft fee, 365 where there is none", "days", 4000, or_never("since_overdraft", NEVER_DAYS), "R24", DOWN, 365.0),
)  # fmt: skip
