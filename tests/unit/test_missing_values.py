"""What is left out is neither good nor bad news: it can buy no approval, and cost none."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import Any

import pytest

from meridian.evidence import SourceReading, SourceStatus
from meridian.outcome import Outcome
from meridian.products import Product
from meridian.registry import Purpose
from meridian.simulator import requests
from tests.captures import captured
from tests.training_fixtures import TrainedModels

TODAY = date(2026, 3, 2)
RECEIVED = datetime(2026, 3, 2, 9, tzinfo=UTC)
KNOWN_TO_US = SourceReading(
    "history",
    SourceStatus.FRESH,
    {"loans": 0.0, "worst_days_late": 0.0, "applications_90d": 0.0},
    RECEIVED,
    RECEIVED,
    0.0,
)
NULLABLE = (
    "employment_years",
    "credit_report.open_accounts",
    "credit_report.total_accounts",
    "credit_report.revolving_balance",
    "credit_report.revolving_utilisation",
    "credit_report.monthly_debt_payments",
    "credit_report.delinquencies_2y",
    "credit_report.inquiries_6m",
    "credit_report.public_records",
    "credit_report.bankruptcies",
    "credit_report.earliest_credit_line",
)


@pytest.mark.parametrize("field", NULLABLE)
def test_a_withheld_field_is_referred_or_knocked_out_but_never_scored_away(
    field: str, personal_loan: Product, demo_models: TrainedModels
) -> None:
    scorer = demo_models.scorer(Purpose.COMPACT)
    reasons = {"D01", "D05"}
    for request in requests(150, 41, TODAY):
        if request["application"]["credit_report"] is None:
            continue
        without = copy.deepcopy(request)
        part: dict[str, Any] = without["application"]
        *path, name = field.split(".")
        for step in path:
            part = part[step]
        part[name] = None
        evidence = captured(personal_loan, without, KNOWN_TO_US, at=RECEIVED)
        decision = personal_loan.decide(evidence, scorer)
        assert decision.outcome is not Outcome.APPROVE
        if decision.outcome is Outcome.REFER:
            assert reasons & {reason.code for reason in decision.reasons}
        else:
            assert any(rule.outcome is Outcome.DECLINE for rule in decision.rules)
