"""Features, the probability and its reasons, with xgboost and shap."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shap
import xgboost

from tests.bench.peer.schema import Application

NAN = float("nan")
NEVER_MONTHS = 240.0
REASONS = 4


@dataclass(frozen=True)
class Scored:
    """The probability of default, and the features that raise it most with their shares in the log-odds."""

    pd: float
    reasons: list[tuple[str, float]]


class Model:
    """The compact model, as XGBoost reads it, and shap's explainer with its path-dependent default."""

    def __init__(self, folder: Path):
        manifest = json.loads((folder / "manifest.json").read_text())
        self._names = manifest["features"]
        self._calibration = manifest["calibration"]
        self._booster = xgboost.Booster({"nthread": 1}, model_file=str(folder / "model.json"))
        self._explainer = shap.TreeExplainer(self._booster)

    def score(self, application: Application) -> Scored:
        """One applicant."""
        values = features(application)
        row = np.array([[values[name] for name in self._names]], dtype=np.float32)
        margin = float(self._booster.inplace_predict(row, predict_type="margin")[0])
        log_odds = self._calibration["slope"] * margin + self._calibration["intercept"]
        shares = self._explainer.shap_values(row)[0]
        worst = np.argsort(-shares)[:REASONS]
        return Scored(1 / (1 + math.exp(-log_odds)), [(self._names[i], float(shares[i])) for i in worst])


def features(application: Application) -> dict[str, float]:
    """What the model reads, NaN where it is not known."""
    income = application.annual_income
    values = {
        "loan_amount": application.amount,
        "term_months": application.term_months,
        "annual_income": income,
        "loan_to_income": _ratio(application.amount, income),
        "employment_years": _known(application.employment_years, most=10.0),
        "is_renter": float(application.housing == "rent"),
        "purpose_business": float(application.purpose == "small_business"),
        "purpose_debts": float(application.purpose in ("debt_consolidation", "credit_card")),
    }
    report = application.credit_report
    if report is None:
        return {**dict.fromkeys(OF_THE_REPORT, NAN), **values}
    opened = report.earliest_credit_line
    return {
        **values,
        **{name: _known(getattr(report, name)) for name in AS_THEY_STAND},
        "debt_to_income": _ratio(_known(report.monthly_debt_payments) * 12, income),
        "credit_age_months": _month(report.as_of) - _month(opened) if opened else NAN,
        "months_since_delinquency": _since(report.months_since_delinquency, report.delinquencies_2y),
        "months_since_public_record": _since(report.months_since_public_record, report.public_records),
    }


AS_THEY_STAND = (
    "total_accounts", "open_accounts", "revolving_balance", "revolving_utilisation", "delinquencies_2y",
    "public_records", "bankruptcies", "inquiries_6m",
)  # fmt: skip
OF_THE_REPORT = (
    *AS_THEY_STAND, "debt_to_income", "credit_age_months", "months_since_delinquency", "months_since_public_record",
)  # fmt: skip


def _known(value: float | None, most: float = math.inf) -> float:
    return NAN if value is None else min(float(value), most)


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom else NAN


def _month(day: object) -> int:
    return day.year * 12 + day.month - 1


def _since(months: int | None, count: int | None) -> float:
    return NEVER_MONTHS if months is None and count == 0 else _known(months)
