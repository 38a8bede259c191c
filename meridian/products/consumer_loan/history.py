"""The lender's own books: loans with us, repayments to us, applications to us."""

from __future__ import annotations

from datetime import timedelta

from meridian.features import Aggregate, Column, Compare, Direction, Feature, Kind, Op, Silence, Source, Stream, Where
from meridian.features.compute import Compute, field, less, or_never, over

UP, DOWN, FREE = Direction.RAISES_RISK, Direction.LOWERS_RISK, Direction.FREE
NEVER_DAYS = 3650.0
"""'Never' as a number of days."""
DAYS = (90, 180, 365)
OPEN = Where("closed", Compare.IS, False)
LATE, VERY_LATE = Where("days_late", Compare.ABOVE, 0), Where("days_late", Compare.AT_LEAST, 30)

STREAMS = (
    Stream(
        "loans",
        "Each loan of ours as it stands",
        (
            Column("key", Kind.COUNT, "The loan's number"),
            Column("opened_day", Kind.DAYS, "When it was paid out, in days since 1970"),
            Column("principal_cents", Kind.CENTS, "What was lent"),
            Column("balance_cents", Kind.CENTS, "What is owed"),
            Column("days_late", Kind.DAYS, "How many days payment is late"),
            Column("closed", Kind.FLAG, "Whether it is over"),
        ),
        key="key",
    ),
    Stream(
        "repayments",
        "Each instalment that was due",
        (
            Column("key", Kind.COUNT, "The loan's number"),
            Column("due_cents", Kind.CENTS, "What was due"),
            Column("paid_cents", Kind.CENTS, "What was paid"),
            Column("days_late", Kind.DAYS, "How many days late it came"),
        ),
    ),
    Stream(
        "applications",
        "Applications to us",
        (
            Column("product", Kind.TEXT, "What for"),
            Column("amount_cents", Kind.CENTS, "How much"),
            Column("outcome", Kind.TEXT, "approve, decline or withdrawn"),
        ),
    ),
)


def _loans(name: str, op: Op, column: str | None = None, *where: Where) -> Aggregate:
    return Aggregate(name, "loans", op, column, where=where)


def _paid(days: int, name: str, op: Op, column: str | None = None, *where: Where) -> Aggregate:
    return Aggregate(f"{name}_{days}d", "repayments", op, column, days, where)


AGGREGATES = (
    _loans("loans", Op.COUNT),
    _loans("loans_open", Op.COUNT, None, OPEN),
    _loans("borrowed", Op.SUM, "principal_cents"),
    _loans("owed_to_us", Op.SUM, "balance_cents", OPEN),
    _loans("days_late_now", Op.HIGHEST, "days_late"),
    _loans("first_loan_day", Op.LOWEST, "opened_day"),
    *(_paid(d, "instalments", Op.COUNT) for d in DAYS),
    *(_paid(d, "late", Op.COUNT, None, LATE) for d in DAYS),
    *(_paid(d, "very_late", Op.COUNT, None, VERY_LATE) for d in DAYS),
    *(_paid(d, "worst_days", Op.HIGHEST, "days_late") for d in DAYS),
    *(_paid(d, "due", Op.SUM, "due_cents") for d in DAYS),
    *(_paid(d, "paid", Op.SUM, "paid_cents") for d in DAYS),
    Aggregate("worst_days_ever", "repayments", Op.HIGHEST, "days_late"),
    Aggregate("mean_days_late", "repayments", Op.MEAN, "days_late"),
    Aggregate("since_late_with_us", "repayments", Op.SINCE_LAST, where=(LATE,)),
    *(Aggregate(f"asked_{d}d", "applications", Op.COUNT, days=d) for d in (30, 90, 365)),
    Aggregate("declined_365d", "applications", Op.COUNT, days=365, where=(Where("outcome", Compare.IS, "decline"),)),
    Aggregate("since_asked", "applications", Op.SINCE_LAST),
)  # fmt: skip

HISTORY = Source(
    name="history",
    meaning="The lender's own books, taken in each night",
    fresh_for=timedelta(days=2),
    too_old_after=timedelta(days=30),
    silence=Silence.NOTHING_HAPPENED,
    streams=STREAMS,
    aggregates=AGGREGATES,
    recompute_after=timedelta(hours=20),
)


def _f(name: str, meaning: str, unit: str, high: float, compute: Compute, direction: Direction = FREE,
       default: float | None = None, group: str = "R15") -> Feature:  # fmt: skip
    return Feature(name, "history", meaning, unit, 0.0, high, compute, group, direction, default=default)


FEATURES = (
    _f("own_loans", "Loans with us so far", "count", 1000, field("loans"), group="R29"),
    _f("own_loans_open", "Loans with us that are open", "count", 1000, field("loans_open"), UP, group="R16"),
    _f("own_borrowed", "All that we ever lent", "USD", 1e8, field("borrowed"), group="R29"),
    _f("own_owed", "Owed to us now", "USD", 1e8, field("owed_to_us"), UP, group="R16"),
    _f("own_owed_to_income", "Owed to us over yearly income", "ratio", 1000, over("owed_to_us", "annual_income"), UP, 0.0, "R16"),
    _f("own_days_late_now", "Days late with us now", "days", 4000, field("days_late_now"), UP, 0.0),
    _f("own_days_known", "Since the first loan with us, 0 where there was none", "days", 30_000, less("cut_off_day", "first_loan_day"), DOWN, 0.0, "R29"),
    *(_f(f"own_instalments_{d}d", f"Instalments due to us in {d} days", "count", 1000, field(f"instalments_{d}d"), group="R29") for d in DAYS),
    *(_f(f"own_late_{d}d", f"Instalments paid late to us in {d} days", "count", 1000, field(f"late_{d}d"), UP) for d in DAYS),
    *(_f(f"own_very_late_{d}d", f"Instalments 30 or more days late to us in {d} days", "count", 1000, field(f"very_late_{d}d"), UP) for d in DAYS),
    *(_f(f"own_worst_days_{d}d", f"Most days late with us in {d} days", "days", 4000, field(f"worst_days_{d}d"), UP, 0.0) for d in DAYS),
    *(_f(f"own_paid_share_{d}d", f"Paid over due to us in {d} days", "ratio", 1000, over(f"paid_{d}d", f"due_{d}d"), DOWN, 1.0) for d in DAYS),
    _f("own_worst_days_late", "Most days ever late with us", "days", 4000, field("worst_days_ever"), UP, 0.0),
    _f("own_mean_days_late", "Mean days late with us", "days", 4000, field("mean_days_late"), UP, 0.0),
    _f("own_since_late", "Since an instalment came late, 3650 where none did", "days", 4000, or_never("since_late_with_us", NEVER_DAYS), DOWN),
    *(_f(f"own_asked_{d}d", f"Applications to us in {d} days, as booked", "count", 1000, field(f"asked_{d}d"), UP, group="R27") for d in (30, 90, 365)),
    _f("own_declined_365d", "Applications of a year that we declined", "count", 1000, field("declined_365d"), UP, group="R27"),
    _f("own_since_asked", "Since the last application to us, 3650 where there was none", "days", 4000, or_never("since_asked", NEVER_DAYS), DOWN, group="R27"),
    _f("own_applications_90d", "Earlier applications to us in 90 days, counted in the record", "count", 1000, field("applications_90d"), UP, group="R27"),
)  # fmt: skip
