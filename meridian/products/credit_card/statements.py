"""The account's own statements: what was billed, paid and late, month after month."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from meridian.features import Aggregate, Column, Compare, Direction, Feature, Kind, Op, Silence, Source, Stream, Where
from meridian.features.compute import Compute, field, ratio

UP, DOWN, FREE = Direction.RAISES_RISK, Direction.LOWERS_RISK, Direction.FREE
MONTHS = range(1, 7)

STREAMS = (
    Stream(
        "statements",
        "One statement a month",
        (
            Column("delay", Kind.COUNT, "Months that payment is late; 0 revolving, -1 paid in full, -2 not used"),
            Column("bill_cents", Kind.CENTS, "What was billed; below zero in the customer's favour"),
            Column("paid_cents", Kind.CENTS, "What was paid in the month"),
        ),
    ),
)
LATE, VERY_LATE = Where("delay", Compare.AT_LEAST, 1), Where("delay", Compare.AT_LEAST, 2)


def _of(months: int, name: str, op: Op, column: str | None = None, *where: Where) -> Aggregate:
    """Over the newest so many statements, whatever the day: months have 28 to 31 days, and some are late."""
    return Aggregate(f"{name}_{months}m", "statements", op, column, where=where, newest=months)


AGGREGATES = (
    *(_of(m, "delays", Op.SUM, "delay") for m in MONTHS),
    *(_of(m, "bills", Op.SUM, "bill_cents") for m in MONTHS),
    *(_of(m, "paid", Op.SUM, "paid_cents") for m in MONTHS),
    *(_of(m, "worst_delay", Op.HIGHEST, "delay") for m in (3, 6)),
    *(_of(m, "late_months", Op.COUNT, None, LATE) for m in (3, 6)),
    *(_of(m, "very_late_months", Op.COUNT, None, VERY_LATE) for m in (3, 6)),
    *(_of(m, "highest_bill", Op.HIGHEST, "bill_cents") for m in (3, 6)),
    *(_of(m, "lowest_paid", Op.LOWEST, "paid_cents") for m in (3, 6)),
    _of(6, "statements", Op.COUNT),
)

STATEMENTS = Source(
    name="account",
    meaning="The card account's statements, taken in when a month is closed",
    fresh_for=timedelta(days=45),
    too_old_after=timedelta(days=100),
    silence=Silence.NOT_KNOWN,
    streams=STREAMS,
    aggregates=AGGREGATES,
)


def _f(name: str, meaning: str, unit: str, low: float, high: float, compute: Compute, group: str,
       direction: Direction = FREE, default: float | None = None) -> Feature:  # fmt: skip
    return Feature(name, "account", meaning, unit, low, high, compute, group, direction, default=default)


def _month(name: str, ago: int) -> Compute:
    """The value of one month: what the window that ends with it has beyond the one before."""
    if ago == 1:
        return field(f"{name}_1m")
    return lambda f: f[f"{name}_{ago}m"] - f[f"{name}_{ago - 1}m"]


def _share(name: str, ago: int) -> Compute:
    """The value of one month over the limit."""
    of = _month(name, ago)
    return lambda f: ratio(of(f), f["limit"])


def _paid_share(ago: int) -> Compute:
    """What was paid in a month over what was billed the month before; 1 where nothing was."""
    paid, billed = _month("paid", ago), _month("bills", ago + 1)
    return lambda f: ratio(paid(f) + 1.0, np.abs(billed(f)) + 1.0)


FEATURES = (
    *(_f(f"delay_{m}", f"Months late, statement {m} counted from the newest", "months", -2, 12, _month("delays", m), "R01", UP) for m in MONTHS),
    *(_f(f"used_{m}", f"Bill over the limit, statement {m} counted from the newest", "ratio", -50, 50, _share("bills", m), "R02") for m in MONTHS),
    *(_f(f"paid_{m}", f"Paid over the limit, statement {m} counted from the newest", "ratio", 0, 500, _share("paid", m), "R03", DOWN) for m in MONTHS),
    *(_f(f"paid_of_bill_{m}", f"Paid on statement {m} counted from the newest, over the bill before", "ratio", 0, 1e9, _paid_share(m), "R03", DOWN) for m in (1, 2, 3)),
    *(_f(f"worst_delay_{m}m", f"Most months late in {m} months", "months", -2, 12, field(f"worst_delay_{m}m"), "R01", UP) for m in (3, 6)),
    *(_f(f"late_months_{m}m", f"Months late in {m} months", "count", 0, 6, field(f"late_months_{m}m"), "R01", UP) for m in (3, 6)),
    *(_f(f"very_late_months_{m}m", f"Statements two or more months late in {m} months", "count", 0, 6, field(f"very_late_months_{m}m"), "R01", UP) for m in (3, 6)),
    *(_f(f"paid_all_{m}m", f"Paid in {m} months", "TWD", 0, 1e8, field(f"paid_{m}m"), "R03", DOWN) for m in (3, 6)),
    _f("mean_used_6m", "Mean bill of six months over the limit", "ratio", -50, 50, lambda f: ratio(f["bills_6m"] / 6.0, f["limit"]), "R02"),
    _f("highest_used_6m", "Highest bill of six months over the limit", "ratio", -50, 50, lambda f: ratio(f["highest_bill_6m"], f["limit"]), "R02"),
    _f("lowest_paid_6m", "Least paid in a month of six", "TWD", 0, 1e8, field("lowest_paid_6m"), "R03", DOWN),
    _f("bill_growth", "Bills of three months less those of the three before, over the limit", "ratio", -500, 500,
       lambda f: ratio(2.0 * f["bills_3m"] - f["bills_6m"], f["limit"]), "R02"),
    _f("statements", "Statements in six months", "count", 0, 6, field("statements_6m"), "R04"),
)  # fmt: skip
