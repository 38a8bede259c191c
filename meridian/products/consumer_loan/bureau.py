"""The credit bureau: accounts as they stand and as they stood, inquiries, public records, the bureau's own score."""

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
IS, ABOVE, AT_LEAST = Compare.IS, Compare.ABOVE, Compare.AT_LEAST
ACTIONABLE = frozenset({"R06", "R09", "R14", "R18"})
"""Reasons that an applicant can do something about within months: debts, balances, applications for credit."""
NEVER_DAYS = 3650.0
"""'Never' as a number of days."""

ACCOUNT = (
    Column("key", Kind.COUNT, "The account's number"),
    Column("kind", Kind.TEXT, "card, instalment, auto, student or mortgage"),
    Column("opened_day", Kind.DAYS, "When it was opened, in days since 1970"),
    Column("limit_cents", Kind.CENTS, "Its limit, or what was lent"),
    Column("balance_cents", Kind.CENTS, "What is owed"),
    Column("payment_cents", Kind.CENTS, "What is to be paid a month"),
    Column("days_past_due", Kind.DAYS, "How many days payment is late"),
    Column("past_due_cents", Kind.CENTS, "What is late"),
    Column("status", Kind.TEXT, "open, closed, charged_off or collection"),
)
STREAMS = (
    Stream("tradelines", "Each account as last reported", ACCOUNT, key="key"),
    Stream("reports", "Each month's report on each account", ACCOUNT, stored_as="tradelines"),
    Stream("inquiries", "Who asked for a report", (Column("kind", Kind.TEXT, "card, loan, auto or mortgage"),)),
    Stream(
        "public_records",
        "What courts have on the applicant",
        (
            Column("kind", Kind.TEXT, "bankruptcy, lien or judgment"),
            Column("amount_cents", Kind.CENTS, "What it is about"),
        ),
    ),
    Stream("scores", "The bureau's own score, each time it was asked", (Column("score", Kind.COUNT, "300 to 850"),)),
)

OPEN = Where("status", IS, "open")
CARD = Where("kind", IS, "card")
KINDS = ("card", "instalment", "auto", "student", "mortgage")
MONTHS = (3, 6, 12)
INQUIRED = (30, 90, 180, 365, 730)


def _now(name: str, op: Op, column: str | None = None, *where: Where) -> Aggregate:
    return Aggregate(name, "tradelines", op, column, where=where)


def _over(months: int, name: str, op: Op, column: str | None = None, *where: Where) -> Aggregate:
    return Aggregate(f"{name}_{months}m", "reports", op, column, days=round(months * 30.5), where=where)


AGGREGATES = (
    _now("accounts", Op.COUNT),
    _now("accounts_open", Op.COUNT, None, OPEN),
    _now("accounts_late", Op.COUNT, None, Where("days_past_due", ABOVE, 0)),
    _now("accounts_late_30", Op.COUNT, None, Where("days_past_due", AT_LEAST, 30)),
    _now("accounts_late_90", Op.COUNT, None, Where("days_past_due", AT_LEAST, 90)),
    _now("accounts_lost", Op.COUNT, None, Where("status", IS, ("charged_off", "collection"))),
    _now("collections", Op.COUNT, None, Where("status", IS, "collection")),
    _now("worst_days_late", Op.HIGHEST, "days_past_due"),
    _now("amount_late", Op.SUM, "past_due_cents"),
    _now("owed", Op.SUM, "balance_cents", OPEN),
    _now("limits", Op.SUM, "limit_cents", OPEN),
    _now("payments", Op.SUM, "payment_cents", OPEN),
    _now("highest_owed", Op.HIGHEST, "balance_cents", OPEN),
    _now("first_opened_day", Op.LOWEST, "opened_day"),
    _now("last_opened_day", Op.HIGHEST, "opened_day"),
    _now("mean_opened_day", Op.MEAN, "opened_day"),
    *(_now(f"{kind}s_open", Op.COUNT, None, OPEN, Where("kind", IS, kind)) for kind in KINDS),
    *(_now(f"{kind}_owed", Op.SUM, "balance_cents", OPEN, Where("kind", IS, kind)) for kind in KINDS),
    *(_now(f"{kind}_limits", Op.SUM, "limit_cents", OPEN, Where("kind", IS, kind)) for kind in KINDS[:3]),
    *(_now(f"{kind}_payments", Op.SUM, "payment_cents", OPEN, Where("kind", IS, kind)) for kind in KINDS),
    *(_over(m, "worst_days_late", Op.HIGHEST, "days_past_due") for m in MONTHS),
    *(_over(m, "late_reports", Op.COUNT, None, Where("days_past_due", AT_LEAST, 30)) for m in MONTHS),
    *(_over(m, "very_late_reports", Op.COUNT, None, Where("days_past_due", AT_LEAST, 60)) for m in MONTHS),
    *(_over(m, "card_balance", Op.MEAN, "balance_cents", CARD) for m in MONTHS),
    *(_over(m, "card_limit", Op.MEAN, "limit_cents", CARD) for m in MONTHS),
    *(_over(m, "card_balance_high", Op.HIGHEST, "balance_cents", CARD) for m in MONTHS),
    *(_over(m, "amount_late_high", Op.HIGHEST, "past_due_cents") for m in MONTHS),
    Aggregate("since_late", "reports", Op.SINCE_LAST, where=(Where("days_past_due", AT_LEAST, 30),)),
    *(Aggregate(f"inquiries_{d}d", "inquiries", Op.COUNT, days=d) for d in INQUIRED),
    *(Aggregate(f"inquiries_{k}_365d", "inquiries", Op.COUNT, days=365, where=(Where("kind", IS, k),))
      for k in ("card", "loan", "auto", "mortgage")),
    Aggregate("since_inquiry", "inquiries", Op.SINCE_LAST),
    Aggregate("records", "public_records", Op.COUNT),
    Aggregate("records_730d", "public_records", Op.COUNT, days=730),
    *(Aggregate(f"{k}_records", "public_records", Op.COUNT, where=(Where("kind", IS, k),))
      for k in ("bankruptcy", "lien", "judgment")),
    Aggregate("records_amount", "public_records", Op.SUM, "amount_cents"),
    Aggregate("since_record", "public_records", Op.SINCE_LAST),
    Aggregate("score", "scores", Op.LAST, "score"),
    Aggregate("score_lowest_365d", "scores", Op.LOWEST, "score", days=365),
    Aggregate("score_highest_365d", "scores", Op.HIGHEST, "score", days=365),
)  # fmt: skip

BUREAU = Source(
    name="bureau",
    meaning="A credit bureau's file, asked for beforehand or kept up to date by its monthly reports",
    fresh_for=timedelta(days=45),
    too_old_after=timedelta(days=120),
    silence=Silence.NOT_KNOWN,
    streams=STREAMS,
    aggregates=AGGREGATES,
    # No card has a limit of 500 dollars in the middle of a person's file; no file is of accounts opened before 1981.
    plausible=(
        Plausible("tradelines", "limit_cents", 50_000, 10**9, (("kind", "card"),)),
        Plausible("tradelines", "limit_cents", 120_000, 10**9, (("kind", "instalment"),)),
        Plausible("tradelines", "opened_day", 4_000, 40_000, least=1),
        Plausible("scores", "score", 300, 850, least=1),
    ),
)


def _f(name: str, meaning: str, unit: str, high: float, compute: Compute, group: str, direction: Direction = FREE,
       default: float | None = None, low: float = 0.0) -> Feature:  # fmt: skip
    return Feature(
        name, "bureau", meaning, unit, low, high, compute, group, direction, group in ACTIONABLE, default=default
    )


def _age(name: str) -> Compute:
    """Days from the day in a field to the cut-off."""
    return less("cut_off_day", name)


FEATURES = (
    _f("bureau_score", "The bureau's own score, the newest", "points", 850, field("score"), "R20", DOWN, 660.0, 300),
    _f("bureau_score_lowest_365d", "The lowest of its scores in a year", "points", 850, field("score_lowest_365d"), "R20", DOWN, 655.0, 300),
    _f("bureau_score_highest_365d", "The highest of its scores in a year", "points", 850, field("score_highest_365d"), "R20", DOWN, 665.0, 300),
    _f("accounts", "Accounts on file", "count", 200, field("accounts"), "R07", DOWN),
    _f("accounts_open", "Accounts open now", "count", 200, field("accounts_open"), "R08"),
    _f("accounts_late", "Accounts late now", "count", 200, field("accounts_late"), "R10", UP),
    _f("accounts_late_30", "Accounts 30 or more days late now", "count", 200, field("accounts_late_30"), "R10", UP),
    _f("accounts_late_90", "Accounts 90 or more days late now", "count", 200, field("accounts_late_90"), "R10", UP),
    _f("accounts_lost", "Accounts written off or with a collector", "count", 200, field("accounts_lost"), "R11", UP),
    _f("collections", "Accounts with a collector", "count", 200, field("collections"), "R11", UP),
    _f("worst_days_late", "Most days that an account is late now", "days", 4000, field("worst_days_late"), "R10", UP, 0.0),
    _f("amount_late", "What is late on all accounts", "USD", 1e7, field("amount_late"), "R10", UP),
    _f("amount_late_to_income", "What is late over yearly income", "ratio", 100, over("amount_late", "annual_income"), "R10", UP, 0.0),
    _f("owed", "Owed on open accounts", "USD", 1e8, field("owed"), "R09", FREE),
    _f("limits", "Limits and amounts lent of open accounts", "USD", 1e8, field("limits"), "R07", FREE),
    _f("owed_to_income", "Owed on open accounts over yearly income", "ratio", 1000, over("owed", "annual_income"), "R06", FREE, 0.0),
    _f("highest_owed", "The most owed on one account", "USD", 1e8, field("highest_owed"), "R09", FREE, 0.0),
    _f("monthly_payments", "Payments due on open accounts a month", "USD", 1e6, field("payments"), "R06", FREE),
    _f("debt_to_income", "Payments due a month over monthly income", "ratio", 100, over("payments", "annual_income", 12.0), "R06", UP, 0.0),
    _f("debt_to_income_after", "The same with the loan asked for", "ratio", 100,
       lambda f: ratio((f["payments"] + f["amount"] / f["term_months"]) * 12.0, f["annual_income"]), "R06", UP, 0.0),
    _f("credit_age_days", "Age of the oldest account", "days", 30_000, _age("first_opened_day"), "R07", DOWN, 0.0),
    _f("newest_account_days", "Age of the newest account", "days", 30_000, _age("last_opened_day"), "R17", DOWN, 0.0),
    _f("mean_account_days", "Mean age of the accounts", "days", 30_000, _age("mean_opened_day"), "R07", DOWN, 0.0),
    *(_f(f"{k}s_open", f"{k.capitalize()} accounts open", "count", 200, field(f"{k}s_open"), "R08") for k in KINDS),
    *(_f(f"{k}_owed", f"Owed on {k} accounts", "USD", 1e8, field(f"{k}_owed"), "R09") for k in KINDS),
    *(_f(f"{k}_limits", f"Limits of {k} accounts", "USD", 1e8, field(f"{k}_limits"), "R07") for k in KINDS[:3]),
    *(_f(f"{k}_payments", f"Payments due on {k} accounts a month", "USD", 1e6, field(f"{k}_payments"), "R06") for k in KINDS),
    _f("card_utilisation", "Share of the card limits in use", "ratio", 20, over("card_owed", "card_limits"), "R09", UP, 0.0),
    _f("instalment_left", "Share of instalment loans still owed", "ratio", 20, over("instalment_owed", "instalment_limits"), "R09", UP, 0.0),
    _f("auto_left", "Share of auto loans still owed", "ratio", 20, over("auto_owed", "auto_limits"), "R09", UP, 0.0),
    _f("card_owed_to_income", "Owed on cards over yearly income", "ratio", 1000, over("card_owed", "annual_income"), "R09", UP, 0.0),
    _f("mortgage_to_income", "Mortgage payments over monthly income", "ratio", 100, over("mortgage_payments", "annual_income", 12.0), "R06", FREE, 0.0),
    *(_f(f"worst_days_late_{m}m", f"Most days late on an account in {m} months", "days", 4000, field(f"worst_days_late_{m}m"), "R10", UP, 0.0) for m in MONTHS),
    *(_f(f"late_reports_{m}m", f"Reports of 30 or more days late in {m} months", "count", 2000, field(f"late_reports_{m}m"), "R10", UP) for m in MONTHS),
    *(_f(f"very_late_reports_{m}m", f"Reports of 60 or more days late in {m} months", "count", 2000, field(f"very_late_reports_{m}m"), "R10", UP) for m in MONTHS),
    *(_f(f"amount_late_high_{m}m", f"The most late on one account in {m} months", "USD", 1e7, field(f"amount_late_high_{m}m"), "R10", UP, 0.0) for m in MONTHS),
    *(_f(f"card_utilisation_{m}m", f"Mean share of a card's limit in use in {m} months", "ratio", 20, over(f"card_balance_{m}m", f"card_limit_{m}m"), "R09", UP, 0.0) for m in MONTHS),
    *(_f(f"card_balance_high_{m}m", f"The most owed on one card in {m} months", "USD", 1e7, field(f"card_balance_high_{m}m"), "R09", FREE, 0.0) for m in MONTHS),
    _f("card_growth", "Mean card balance of three months over that of twelve", "ratio", 100, over("card_balance_3m", "card_balance_12m"), "R18", UP, 1.0),
    _f("card_growth_6m", "Mean card balance of three months over that of six", "ratio", 100, over("card_balance_3m", "card_balance_6m"), "R18", UP, 1.0),
    _f("since_late", "Since a report of 30 or more days late, 3650 where there is none", "days", 4000, or_never("since_late", NEVER_DAYS), "R10", DOWN),
    *(_f(f"inquiries_{d}d", f"Inquiries in {d} days", "count", 1000, field(f"inquiries_{d}d"), "R14", UP) for d in INQUIRED),
    *(_f(f"inquiries_{k}_365d", f"Inquiries for {k} credit in a year", "count", 1000, field(f"inquiries_{k}_365d"), "R14", UP) for k in ("card", "loan", "auto", "mortgage")),
    _f("since_inquiry", "Since the last inquiry, 3650 where there is none", "days", 4000, or_never("since_inquiry", NEVER_DAYS), "R14", DOWN),
    _f("public_records", "Public records", "count", 200, field("records"), "R12", UP),
    _f("public_records_730d", "Public records in two years", "count", 200, field("records_730d"), "R12", UP),
    _f("bankruptcies", "Bankruptcies on record", "count", 50, field("bankruptcy_records"), "R13", UP),
    _f("liens", "Tax liens on record", "count", 50, field("lien_records"), "R12", UP),
    _f("judgments", "Judgments on record", "count", 50, field("judgment_records"), "R12", UP),
    _f("public_record_amount", "What the public records are about", "USD", 1e8, field("records_amount"), "R12", UP),
    _f("since_public_record", "Since the last public record, 3650 where there is none", "days", 4000, or_never("since_record", NEVER_DAYS), "R12", DOWN),
)  # fmt: skip
