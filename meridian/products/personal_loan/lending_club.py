"""LendingClub's loans of 2007 to 2011 as a training table: columns in, the fields of an application out.

The columns pass through the same features as an application does, so that what trains is what serves.
A loan can also be written as a request, dated today, with every interval of the original kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.products.personal_loan.features import COUNTED
from meridian.products.training_table import Split, TrainingTable

Columns = Mapping[str, NDArray[Any]]

PURPOSES = {"educational": "education", "house": "other", "vacation": "other", "renewable_energy": "other"}
HOUSING = {"RENT": "rent", "MORTGAGE": "mortgage", "OWN": "own"}
COUNTS = {
    "open_acc": "open_accounts",
    "total_acc": "total_accounts",
    "delinq_2yrs": "delinquencies_2y",
    "inq_last_6mths": "inquiries_6m",
    "pub_rec": "public_records",
    "pub_rec_bankruptcies": "bankruptcies",
    "tax_liens": "tax_liens",
    "collections_12_mths_ex_med": "collections_12m",
    "chargeoff_within_12_mths": "chargeoffs_12m",
    "acc_now_delinq": "accounts_delinquent_now",
}
AMOUNTS = {"revol_bal": "revolving_balance", "revol_util": "revolving_utilisation", "delinq_amnt": "delinquent_amount"}


def _numbers(column: NDArray[Any]) -> NDArray[np.float64]:
    """A column of texts as numbers, NaN where it is empty."""
    return np.where(column == "", "nan", column).astype(np.float64)


def _months(column: NDArray[Any]) -> NDArray[np.float64]:
    """A column of ISO dates as months since year 0."""
    known = column != ""
    dates = np.where(known, column, "1970-01").astype("datetime64[M]").astype(np.float64) + 1970 * 12
    return np.where(known, dates, np.nan)


def _since(column: NDArray[Any]) -> NDArray[np.float64]:
    """Months since an event; the file has zero where there was none, or none is known."""
    months = _numbers(column)
    return np.where(months == 0, np.nan, months)


def _years(column: NDArray[Any]) -> NDArray[np.float64]:
    """'10+ years', '< 1 year', '3 years', 'n/a' as whole years."""
    texts = {text: text.replace("< 1", "0").split()[0].rstrip("+") if text else "" for text in set(column.tolist())}
    return np.array([float(texts[t]) if texts[t].isdigit() else np.nan for t in column.tolist()])


def fields(columns: Columns) -> dict[str, dict[str, Any]]:
    """The raw columns as the fields of the application and of the credit report."""
    income = _numbers(columns["annual_inc"])
    form = {
        "amount": _numbers(columns["loan_amnt"]),
        "term_months": _numbers(columns["term"]),
        "purpose": np.array([PURPOSES.get(p, p) for p in columns["purpose"].tolist()]),
        "annual_income": income,
        "employment_years": _years(columns["emp_length"]),
        "housing": np.array([HOUSING.get(h, "other") for h in columns["home_ownership"].tolist()]),
    }
    report = {
        **{ours: _numbers(columns[theirs]) for theirs, ours in {**COUNTS, **AMOUNTS}.items()},
        "monthly_debt_payments": np.round(_numbers(columns["dti"]) / 100 * income / 12, 2),
        "as_of_month": _months(columns["issue_d"]),
        "earliest_credit_month": _months(columns["earliest_cr_line"]),
        "months_since_delinquency": _since(columns["mths_since_last_delinq"]),
        "months_since_public_record": _since(columns["mths_since_last_record"]),
    }
    return {"application": form, "bureau": report}


def request_of(loan: Mapping[str, str], today: date) -> dict[str, Any]:
    """One loan of the file as an application of today, with a report of today.

    The file has no date of birth and no own history: the applicant is an adult without one.
    """
    one = fields({name: np.array([value]) for name, value in loan.items()})
    form = {name: _plain(column[0]) for name, column in one["application"].items()}
    report = {name: _plain(column[0]) for name, column in one["bureau"].items() if name in COUNTED}
    age = _plain(one["bureau"]["as_of_month"][0] - one["bureau"]["earliest_credit_month"][0])
    for name in COUNTS.values():
        report[name] = None if report[name] is None else int(report[name])
    for name in ("months_since_delinquency", "months_since_public_record"):
        months = one["bureau"][name][0]
        report[name] = None if np.isnan(months) else int(months)
    report["as_of"] = today.isoformat()
    report["earliest_credit_line"] = None if age is None else _months_before(today, int(age)).isoformat()
    return {
        "product": "personal-loan",
        "application_ref": loan["loan_ref"],
        "application": {
            "applicant_id": loan["loan_ref"],
            "date_of_birth": "1970-01-01",
            **form,
            "term_months": int(form["term_months"]),
            "credit_report": report,
        },
    }


def _plain(value: Any) -> Any:
    """A numpy scalar as JSON has it: null for NaN."""
    plain = value.item()
    return None if plain != plain else plain


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


LENDING_CLUB = TrainingTable(
    name="LendingClub 2007-2011",
    columns=(
        "loan_amnt", "term", "purpose", "annual_inc", "emp_length", "home_ownership", "dti", "issue_d",
        "earliest_cr_line", "mths_since_last_delinq", "mths_since_last_record", *COUNTS, *AMOUNTS, "bad",
    ),
    leaks=(
        "funded_amnt*", "total_pymnt*", "total_rec_*", "recoveries", "collection_recovery_fee", "last_pymnt_*",
        "last_credit_pull_d", "out_prncp*", "*settlement*", "hardship_flag", "loan_status", "pymnt_plan",
    ),
    lender_outputs=("int_rate", "grade", "sub_grade", "installment"),
    fields=fields,
    target=lambda columns: _numbers(columns["bad"]),
    split=Split.out_of_time(date(2011, 1, 1)),
    period=lambda columns: _months(columns["issue_d"]).astype(np.int64),
)  # fmt: skip
