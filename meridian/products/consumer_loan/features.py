"""All features of a consumer loan, and which the models read."""

from __future__ import annotations

from meridian.features import FeatureSet
from meridian.products.consumer_loan import bank, bureau, employment, form, history

FEATURES = FeatureSet(
    (*form.FEATURES, *bureau.FEATURES, *bank.FEATURES, *employment.FEATURES, *history.FEATURES),
    (bureau.BUREAU, bank.BANK, employment.EMPLOYMENT, history.HISTORY),
)

COMPACT = (
    "loan_amount", "loan_to_income", "term_months", "employment_years", "is_renter", "purpose_business",
    "bureau_score", "accounts", "worst_days_late", "worst_days_late_12m", "late_reports_6m", "late_reports_12m", "since_late",
    "accounts_lost", "debt_to_income_after", "credit_age_days", "newest_account_days", "card_utilisation",
    "card_utilisation_6m", "card_owed_to_income", "inquiries_180d", "inquiries_365d", "public_records", "bankruptcies",
    "bank_linked", "salary_180d", "salary_stated", "balance_low_90d", "balance_mean_90d", "overdrafts_180d",
    "returned_180d",
    "employment_verified", "employments_now", "verified_to_stated", "verified_tenure_days",
    "own_loans", "own_late_365d", "own_worst_days_late", "own_asked_90d", "own_declined_365d",
)  # fmt: skip
"""What tells most of each source, forty in all, so that an answer takes a tenth of a millisecond."""

REDUCED = tuple(name for name in COMPACT if FEATURES[name].source not in ("bank", "employment"))
"""The same without the bank and the employer, who take minutes to hours to answer and are the likeliest to be away."""

APPLICATION = tuple(feature.name for feature in form.FEATURES)
"""What the applicant states."""

SAID_BY_OTHERS = frozenset({
    "own_applications_90d",  # counted in the record, which no past loan has
    "limits", "accounts_late_90", "highest_owed", "purpose_need", "own_borrowed",
    "bureau_score_highest_365d", "own_instalments_180d", "bookings_60d", "money_out_60d", "liens", "judgments",
})  # fmt: skip
"""Left out of the batch model: it reads two hundred features, and these add nothing to them."""

BATCH = tuple(name for name in FEATURES.names if name not in SAID_BY_OTHERS)
