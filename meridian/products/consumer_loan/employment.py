"""Employment records: what employers say of the applicant's work and pay."""

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
from meridian.features.compute import Compute, field, less, over

UP, DOWN, FREE = Direction.RAISES_RISK, Direction.LOWERS_RISK, Direction.FREE
LASTS = Where("ended_day", Compare.MISSING)
CONTRACTS = ("permanent", "temporary", "self_employed")

STREAMS = (
    Stream(
        "records",
        "Each employment as last reported",
        (
            Column("key", Kind.COUNT, "The employment's number"),
            Column("contract", Kind.TEXT, "permanent, temporary, self_employed or none"),
            Column("started_day", Kind.DAYS, "When it began, in days since 1970"),
            Column("ended_day", Kind.DAYS, "When it ended; none while it lasts"),
            Column("income_cents", Kind.CENTS, "Verified pay a year"),
        ),
        key="key",
    ),
)


def _of(name: str, op: Op, column: str | None = None, *where: Where) -> Aggregate:
    return Aggregate(name, "records", op, column, where=where)


AGGREGATES = (
    _of("employments", Op.COUNT),
    _of("employments_now", Op.COUNT, None, LASTS),
    *(_of(f"{kind}_now", Op.COUNT, None, LASTS, Where("contract", Compare.IS, kind)) for kind in CONTRACTS),
    _of("pay_now", Op.SUM, "income_cents", LASTS),
    _of("pay_high", Op.HIGHEST, "income_cents"),
    _of("started_day_now", Op.LOWEST, "started_day", LASTS),
    _of("first_started_day", Op.LOWEST, "started_day"),
    _of("last_started_day", Op.HIGHEST, "started_day"),
    _of("last_ended_day", Op.HIGHEST, "ended_day"),
)

EMPLOYMENT = Source(
    name="employment",
    meaning="A service that verifies employment and pay",
    fresh_for=timedelta(days=400),
    too_old_after=timedelta(days=3650),
    silence=Silence.NOTHING_TO_HAVE,
    streams=STREAMS,
    aggregates=AGGREGATES,
    # Nobody is paid less than 4,000 dollars for a year's work, or began before 1981.
    plausible=(
        *(Plausible("records", "income_cents", 400_000, 10**10, (("contract", one),), 1) for one in CONTRACTS),
        Plausible("records", "started_day", 4_000, 40_000, least=1),
    ),
)


def _f(name: str, meaning: str, unit: str, high: float, compute: Compute, direction: Direction = FREE,
       default: float = 0.0, group: str = "R03") -> Feature:  # fmt: skip
    return Feature(name, "employment", meaning, unit, 0.0, high, compute, group, direction, default=default)


FEATURES = (
    _f("employment_verified", "An employer was found", "0/1", 1, lambda f: f["employments"] * 0.0 + 1.0, DOWN, group="R28"),
    _f("employments", "Employments on record", "count", 100, field("employments"), FREE, 1.0),
    _f("employments_now", "Employments that last", "count", 100, field("employments_now"), DOWN, 1.0),
    *(_f(f"{kind}_now", f"Employments that last, {kind.replace('_', '-')}", "count", 100, field(f"{kind}_now"), FREE) for kind in CONTRACTS),
    _f("verified_income", "Verified pay a year of the employments that last", "USD", 1e8, field("pay_now"), DOWN, 45_000.0, "R26"),
    _f("highest_pay", "The highest verified pay a year", "USD", 1e8, field("pay_high"), DOWN, 45_000.0, "R26"),
    _f("verified_to_stated", "Verified pay over the stated income", "ratio", 1000, over("pay_now", "annual_income"), DOWN, 0.95, "R26"),
    _f("pay_to_highest", "Verified pay over the highest ever", "ratio", 100, over("pay_now", "pay_high"), DOWN, 1.0, "R26"),
    _f("loan_to_verified_income", "The amount asked for over verified pay", "ratio", 1e6, over("amount", "pay_now"), UP, 0.25, "R01"),
    _f("verified_tenure_days", "Since the employment that lasts began", "days", 30_000, less("cut_off_day", "started_day_now"), DOWN, 1500.0),
    _f("working_days", "Since the first employment on record began", "days", 30_000, less("cut_off_day", "first_started_day"), DOWN, 2000.0),
    _f("newest_employment_days", "Since the newest employment began", "days", 30_000, less("cut_off_day", "last_started_day"), DOWN, 1500.0),
    _f("since_employment_ended", "Since an employment ended, 3650 where none did", "days", 30_000,
       less("cut_off_day", "last_ended_day"), FREE, 3650.0),
)  # fmt: skip
