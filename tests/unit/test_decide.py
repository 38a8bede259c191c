"""The pipeline: the outcome is the worst of what rules and score lead to, and reasons come from what decided."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meridian.evidence import Evidence, Rung, canonical_json
from meridian.outcome import Outcome
from meridian.products import Product
from meridian.reasons import ReasonSource
from meridian.registry import Purpose
from meridian.scoring import Scorer
from meridian.simulator import requests
from tests.captures import GREY, HIGH, LOW, NO_ANSWER, RECEIVED, captured, decided, graded_scorer, history, request_with
from tests.training_fixtures import TrainedModels

APPROVE, REFER, DECLINE = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE
SHARE_IN_USE = {LOW: 0.2, GREY: 0.6, HIGH: 0.9}

# what the score says, what else the report and the form say, the outcome, the reasons
CASES = [
    (LOW, {}, {}, APPROVE, []),
    (GREY, {}, {}, REFER, ["R09"]),
    (HIGH, {}, {}, DECLINE, ["R09"]),
    # A knock-out declines whatever the score, and speaks alone unless the score declines too.
    (LOW, {"bankruptcies": 2}, {}, DECLINE, ["P05"]),
    (GREY, {"bankruptcies": 2}, {}, DECLINE, ["P05"]),
    (HIGH, {"bankruptcies": 2}, {}, DECLINE, ["P05", "R09"]),
    (LOW, {"bankruptcies": 2, "delinquencies_2y": 4, "inquiries_6m": 7}, {}, DECLINE, ["P05", "P06"]),
    (LOW, {}, {"amount": 60_000.0, "term_months": 12}, DECLINE, ["P03"]),
    # A referral refers what the score would approve; a decline by score is not explained by it.
    (LOW, {"inquiries_6m": 7}, {}, REFER, ["P09"]),
    (GREY, {"inquiries_6m": 7}, {}, REFER, ["P09", "R09"]),
    (HIGH, {"inquiries_6m": 7}, {}, DECLINE, ["R09"]),
    # What a rule needs and nobody knows refers.
    (LOW, {"bankruptcies": None}, {}, REFER, ["D01"]),
    (GREY, {"bankruptcies": None}, {}, REFER, ["D01", "R09"]),
    (HIGH, {"bankruptcies": None}, {}, DECLINE, ["R09"]),
    (LOW, {"bankruptcies": None, "delinquencies_2y": 4}, {}, DECLINE, ["P06"]),
]


@pytest.mark.parametrize(("pd", "report", "form", "outcome", "codes"), CASES)
def test_the_worst_of_rules_and_score_prevails(
    personal_loan: Product, pd: float, report: dict, form: dict, outcome: Outcome, codes: list[str]
) -> None:
    request = request_with(personal_loan, {"revolving_utilisation": SHARE_IN_USE[pd], **report}, **form)
    decision = decided(personal_loan, captured(personal_loan, request), graded_scorer())
    assert decision.score is not None
    assert decision.score.pd == pytest.approx(pd)
    assert (decision.outcome, [one.code for one in decision.reasons]) == (outcome, codes)
    assert (decision.offer is not None) == (outcome is APPROVE)


@pytest.mark.parametrize(
    ("form", "outcome", "codes"),
    [
        ({}, REFER, ["D01", "D06", "D04"]),
        ({"annual_income": 11_000.0, "amount": 1000.0}, DECLINE, ["P02"]),
        ({"date_of_birth": "2010-01-01"}, DECLINE, ["P01"]),
    ],
)
def test_without_a_credit_report_the_policy_speaks_alone(
    personal_loan: Product, form: dict, outcome: Outcome, codes: list[str]
) -> None:
    """Rung 4: knock-outs that can be decided decline, all else is referred."""
    request = request_with(personal_loan, credit_report=None, **form)
    evidence = captured(personal_loan, request)
    decision = decided(personal_loan, evidence, graded_scorer())
    assert evidence.rung is Rung.POLICY_ONLY
    assert (decision.score, decision.band, decision.document()["score"]) == (None, None, None)
    assert decision.model_sha256 == graded_scorer().sha256, "a replay needs the model that was in hand"
    assert (decision.outcome, [one.code for one in decision.reasons]) == (outcome, codes)


def test_without_a_model_nobody_is_approved(personal_loan: Product) -> None:
    evidence = captured(personal_loan, request_with(personal_loan))
    decision = decided(personal_loan, evidence, None)
    assert (decision.outcome, [one.code for one in decision.reasons]) == (REFER, ["D04"])
    assert decision.document()["score"] is None
    hit = captured(personal_loan, request_with(personal_loan, {"bankruptcies": 2}))
    assert [one.code for one in decided(personal_loan, hit, None).reasons] == ["P05"]


@pytest.mark.parametrize(
    ("own", "pd", "outcome", "codes"),
    [
        (history(), LOW, APPROVE, []),
        (NO_ANSWER, LOW, REFER, ["D02"]),
        (NO_ANSWER, GREY, REFER, ["D02", "R09"]),
        (NO_ANSWER, HIGH, DECLINE, ["R09"]),
        (history(worst_days_late=90.0), LOW, DECLINE, ["P11"]),
        (history(applications_90d=5.0), LOW, REFER, ["P12"]),
    ],
)
def test_own_history_counts_and_its_silence_refers(
    personal_loan: Product, own: Any, pd: float, outcome: Outcome, codes: list[str]
) -> None:
    request = request_with(personal_loan, {"revolving_utilisation": SHARE_IN_USE[pd]})
    decision = decided(personal_loan, captured(personal_loan, request, own), graded_scorer())
    assert (decision.outcome, [one.code for one in decision.reasons]) == (outcome, codes)


def test_an_approval_has_the_offer_asked_for_at_the_price_of_its_pd(personal_loan: Product) -> None:
    request = request_with(personal_loan, {"revolving_utilisation": 0.2}, amount=7500.0, term_months=24)
    document = decided(personal_loan, captured(personal_loan, request), graded_scorer()).document()
    assert document["offer"] == {"limit": 7500.0, "apr": 0.129, "term": 24}
    assert document["reasons"] == []
    assert document["score"]["band"] == "low"


@pytest.fixture(scope="module")
def scorer(demo_models: TrainedModels) -> Scorer:
    return demo_models.scorer(Purpose.COMPACT)


@pytest.fixture(scope="module")
def simulated() -> list[dict[str, Any]]:
    return requests(400, 77, RECEIVED.date())


def for_every(**strategies: Any) -> Callable[[Any], Any]:
    """For any of the simulated applicants."""

    def decorate(test: Any) -> Any:
        checks = [HealthCheck.function_scoped_fixture]
        return settings(max_examples=150, deadline=None, suppress_health_check=checks)(
            given(i=st.integers(0, 399), **strategies)(test)
        )

    return decorate


own_histories = st.one_of(
    st.just(NO_ANSWER),
    st.builds(history, worst_days_late=st.integers(0, 90).map(float), applications_90d=st.integers(0, 6).map(float)),
)


@for_every(own=own_histories)
def test_whoever_is_not_approved_is_told_why(
    personal_loan: Product, scorer: Scorer, simulated: list[dict[str, Any]], i: int, own: Any
) -> None:
    """One to four reasons for every decline and referral, none for an approval, each from what decided."""
    evidence = captured(personal_loan, simulated[i], own)
    decision = decided(personal_loan, evidence, scorer)
    codes = [one.code for one in decision.reasons]
    if decision.outcome is APPROVE:
        assert (codes, decision.offer is None) == ([], False)
        return
    assert 1 <= len(codes) <= 4
    assert len(set(codes)) == len(codes)
    assert decision.offer is None
    bands = personal_loan.policy.at(evidence.rung).bands
    by_score = bands.outcome(decision.score.pd) if decision.score else REFER
    sources = {one.source for one in decision.reasons}
    if by_score is not decision.outcome:
        assert ReasonSource.MODEL not in sources
    spoke = {rule.reason for rule in decision.rules if rule.outcome is decision.outcome} | {"D01", "D04", "D05"}
    assert {one.code for one in decision.reasons if one.source is not ReasonSource.MODEL} <= spoke | {
        "D01",
        "D06",
        "D04",
        "D05",
    }
    assert all((one.contribution is None) == (one.source is not ReasonSource.MODEL) for one in decision.reasons)


def no_report(request: dict[str, Any]) -> None:
    request["application"]["credit_report"] = None


def dated(days: int) -> Callable[[dict[str, Any]], None]:
    def date(request: dict[str, Any]) -> None:
        report = request["application"]["credit_report"] or request_with_report()
        request["application"]["credit_report"] = {**report, "as_of": (RECEIVED + timedelta(days)).date().isoformat()}

    return date


def request_with_report() -> dict[str, Any]:
    from meridian.products.personal_loan import sample

    report: dict[str, Any] = sample()["application"]["credit_report"]
    return report


@for_every(lose=st.sampled_from([no_report, dated(-91), dated(+3)]), own=own_histories)
def test_a_lost_credit_report_approves_nobody(
    personal_loan: Product, scorer: Scorer, simulated: list[dict[str, Any]], i: int, lose: Any, own: Any
) -> None:
    """Missing, too old or dated in the future: whatever the application was worth, it is not approved."""
    request = json.loads(json.dumps(simulated[i]))
    lose(request)
    evidence = captured(personal_loan, request, own)
    assert evidence.rung is Rung.POLICY_ONLY
    decision = decided(personal_loan, evidence, scorer)
    assert decision.outcome is not APPROVE
    assert decision.score is None


@for_every()
def test_a_lost_history_approves_nobody(
    personal_loan: Product, scorer: Scorer, simulated: list[dict[str, Any]], i: int
) -> None:
    """The score does not read it, so what was declined by score stays so; the rest is referred."""
    known = decided(personal_loan, captured(personal_loan, simulated[i]), scorer)
    lost = decided(personal_loan, captured(personal_loan, simulated[i], NO_ANSWER), scorer)
    assert lost.outcome is (DECLINE if known.outcome is DECLINE else REFER)
    assert lost.score == known.score


RULE_FIELDS = [
    "monthly_debt_payments", "bankruptcies", "delinquencies_2y", "chargeoffs_12m", "accounts_delinquent_now",
    "inquiries_6m", "earliest_credit_line",
]  # fmt: skip


@for_every(hidden=st.lists(st.sampled_from(RULE_FIELDS), min_size=1, unique=True))
def test_a_value_that_a_rule_needs_cannot_be_withheld_for_an_approval(
    personal_loan: Product, scorer: Scorer, simulated: list[dict[str, Any]], i: int, hidden: list[str]
) -> None:
    request = json.loads(json.dumps(simulated[i]))
    if request["application"]["credit_report"] is not None:
        request["application"]["credit_report"] |= dict.fromkeys(hidden)
    assert decided(personal_loan, captured(personal_loan, request), scorer).outcome is not APPROVE


@for_every(own=own_histories)
def test_stored_evidence_replays_to_the_same_decision(
    personal_loan: Product, scorer: Scorer, simulated: list[dict[str, Any]], i: int, own: Any
) -> None:
    """Through JSON and back: the same document, byte for byte, and nothing else was read."""
    evidence = captured(personal_loan, simulated[i], own)
    stored = Evidence(json.loads(json.dumps(evidence.document)))
    first, again = decided(personal_loan, evidence, scorer), decided(personal_loan, stored, scorer)
    assert again.document() == first.document()
    assert canonical_json(again.document()) == canonical_json(first.document())
    assert (stored.sha256, stored.rung) == (evidence.sha256, evidence.rung)
