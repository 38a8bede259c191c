"""Offers in decisions: what somebody gets who would be approved, on evidence as the service freezes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meridian.backtest import Fields, Gathering, Stored
from meridian.decision import Decision, Terms, decide, decide_many
from meridian.errors import InvalidOffers, NotReady
from meridian.evidence import Evidence, Rung, canonical_json
from meridian.offers import Budget, Kind, OfferTerms, Why
from meridian.outcome import Outcome
from meridian.products import find_product
from meridian.registry import read_terms, with_terms
from meridian.scoring import Score

LOAN = find_product("consumer-loan")
TERMS = LOAN.terms
OFFERS = TERMS.offers
assert OFFERS is not None
GOOD: dict[str, Any] = {"annual_income": 90_000.0, "debt_to_income": 0.10}
FORM: dict[str, Any] = {"amount": 5_000.0, "term_months": 36, "state": "FL", "date_of_birth": "1980-05-05"}


@dataclass(frozen=True)
class Says:
    """A model that says one PD and reads nothing."""

    pd: float
    name: str = "says"
    sha256: str = "0" * 64
    features: tuple[str, ...] = ()

    def score(self, _values: Any) -> Score:
        return Score(self.pd, 600, {})


def evidence(values: dict[str, Any] = GOOD, rung: Rung = Rung.FULL, **form: Any) -> Evidence:
    """Nothing that a rule reads stands against the applicant; `values` are the features that offers read."""
    passing = {name: 0.0 for rule in TERMS.policy.rules for name in rule.fields if rule.effect is not None}
    known = {**passing, "employment_years": 9.0, "loan_to_income": 0.1, "payment_to_income": 0.01, **values}
    known = {name: value for name, value in known.items() if name in LOAN.features}
    application = {name: value for name, value in {**FORM, **form}.items() if value is not None}
    return Evidence({
        "request": {"product": LOAN.name, "application": application}, "received_at": "2026-03-02T10:00:00+00:00",
        "features": {"application": known}, "sources": [], "rung": int(rung),
    })  # fmt: skip


def decided(of: Evidence, pd: float = 0.02, terms: Terms = TERMS) -> Decision:
    scorer: Any = Says(pd)
    return decide(of, terms, scorer)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_what_was_asked_for_stands() -> None:
    decision = decided(evidence())
    assert (decision.outcome, codes(decision)) == (Outcome.APPROVE, [])
    assert decision.offered is not None
    assert decision.offered.shown[0].kind is Kind.ASKED
    assert decision.offer is not None
    assert (decision.offer.limit, decision.offer.term) == (5_000.0, 36)
    document = decision.document()
    assert document["offers"]["shown"][0]["limit"] == "5000.00"
    assert sum(one["count"] for one in document["offers"]["removed"]) + len(document["offers"]["shown"]) == 3_800


def test_a_counteroffer_is_an_approval_that_says_why_not_what_was_asked_for() -> None:
    decision = decided(evidence({"annual_income": 30_000.0, "debt_to_income": 0.30}, amount=20_000.0))
    assert decision.outcome is Outcome.APPROVE
    assert decision.offered is not None
    assert {one.kind for one in decision.offered.shown} == {Kind.COUNTEROFFER}
    assert codes(decision) == [OFFERS.reasons[why.value] for why in decision.offered.asked.why]
    assert codes(decision)
    assert decision.offer is not None
    assert decision.offer.limit < 20_000


@pytest.mark.parametrize(
    ("values", "form", "outcome", "expected"),
    [
        (GOOD, {"state": None}, Outcome.REFER, ["D09"]),
        (GOOD, {"state": "TX"}, Outcome.REFER, ["O05"]),
        ({**GOOD, "debt_to_income": 0.449, "annual_income": 12_000.0}, {}, Outcome.DECLINE, ["O01", "O02"]),
    ],
)
def test_where_nothing_can_be_offered_nobody_is_approved(
    values: dict[str, Any], form: dict[str, Any], outcome: Outcome, expected: list[str]
) -> None:
    decision = decided(evidence(values, **form))
    assert (decision.outcome, codes(decision), decision.offer) == (outcome, expected, None)
    assert decision.offered is not None
    assert not decision.offered.shown


def test_what_is_not_known_is_told_before_what_is_not_offered() -> None:
    """No offer is over 37 months; but whether any could be made, nobody knows as long as the state is not known."""
    decision = decided(evidence(term_months=37, state=None))
    assert (decision.outcome, codes(decision)) == (Outcome.REFER, ["D09"])


def test_where_the_lenders_own_limits_stand_against_some_offers_a_person_looks() -> None:
    """The large loans cannot be afforded, and the small ones do not pay: that is not the applicant's doing alone."""
    poor = evidence({"annual_income": 30_000.0, "debt_to_income": 0.30}, amount=20_000.0)
    showing = replace(OFFERS.settings.showing, least_profit=Decimal(100_000))
    terms = replace(TERMS, offers=replace(OFFERS, settings=replace(OFFERS.settings, showing=showing)))
    decision = decided(poor, terms=terms)
    assert decision.offered is not None
    assert {one.why for one in decision.offered.removed} >= {Why.PAYMENT_TO_INCOME, Why.EXPECTED_PROFIT}
    assert decision.outcome is Outcome.REFER
    assert set(codes(decision)) == {"O01", "O02"}


def test_a_budget_of_which_nobody_says_what_is_lent_refers() -> None:
    budgets = (Budget("low", Decimal(1_000_000)),)
    terms = replace(TERMS, offers=replace(OFFERS, settings=replace(OFFERS.settings, budgets=budgets)))
    assert codes(decided(evidence(), terms=terms)) == ["D10"]
    frozen = Evidence({**evidence().document, "exposures": {"low": "998000.00"}})
    decision = decided(frozen, terms=terms)
    assert decision.offer is not None
    assert decision.offer.limit <= 2_000


@settings(max_examples=60, deadline=None)
@given(
    income=st.sampled_from([8_000.0, 25_000.0, 60_000.0, 200_000.0]),
    debts=st.sampled_from([0.0, 0.2, 0.44, 0.9, None]),
    amount=st.sampled_from([500.0, 5_000.0, 39_999.99]), term=st.sampled_from([12, 36, 37, 60]),
    state=st.sampled_from(["FL", "NY", "TX", None]), pd=st.sampled_from([0.005, 0.04, 0.11, 0.2, 0.6]),
    rung=st.sampled_from([Rung.FULL, Rung.APPLICATION_ONLY]),
)  # fmt: skip
def test_offers_make_no_outcome_better_and_approve_nobody_without_one(
    income: float, debts: float | None, amount: float, term: int, state: str | None, pd: float, rung: Rung
) -> None:
    of = evidence(
        {"annual_income": income, "debt_to_income": debts}, rung, amount=amount, term_months=term, state=state
    )
    with_offers, without = decided(of, pd), decided(of, pd, replace(TERMS, offers=None))
    assert with_offers.outcome.severity >= without.outcome.severity
    assert (with_offers.offer is not None) == (with_offers.outcome is Outcome.APPROVE)
    if with_offers.offered is not None:
        assert bool(with_offers.reasons) == (not with_offers.offered.asked.stands)
    if with_offers.offer is not None:
        assert with_offers.offer.limit <= amount
        assert state in ("FL", "NY")
    # In columns it is the same.
    gathering = Gathering(Fields.of([TERMS]), lambda _: ())
    gathering.add(Stored("", "", "", "refer", pd, "0" * 64, "", of.text))
    many = decide_many(gathering.take()[0].many, TERMS)
    assert many.outcomes.tolist() == [with_offers.outcome.severity]
    if with_offers.offer is not None:
        assert many.limits[0] == with_offers.offer.limit


def test_terms_with_offers_are_read_back_to_the_same_hash() -> None:
    text = canonical_json(TERMS.document()).decode()
    again = Terms.from_text(text)
    assert again.offers == OFFERS
    assert replace(again).sha256 == TERMS.sha256
    assert len(json.dumps(OFFERS.document()["catalogue"])) < 2_000
    assert read_terms(text, TERMS.sha256).offers == OFFERS


@pytest.mark.parametrize(
    ("reasons", "said"),
    [
        ({**OFFERS.reasons, "rate_cap": "X99"}, "its offers give the reasons X99"),
        ({k: v for k, v in OFFERS.reasons.items() if k != "rate_cap"}, "have no reason for rate_cap"),
    ],
)
def test_offers_that_would_refuse_without_a_text_are_not_taken(reasons: dict[str, str], said: str) -> None:
    with pytest.raises(NotReady, match=said):
        with_terms(LOAN, replace(TERMS, offers=replace(OFFERS, reasons=reasons)))


def test_a_product_whose_form_says_no_state_takes_no_offers(personal_loan: Any) -> None:
    reasons = dict.fromkeys(OFFERS.reasons, "P01")
    with pytest.raises(NotReady, match="the application has no state"):
        with_terms(personal_loan, replace(personal_loan.terms, offers=replace(OFFERS, reasons=reasons)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(extra=1), "has the key 'extra'"),
        (lambda d: d["reasons"].update(nothing="P01"), "offers.reasons has 'nothing'"),
        (lambda d: d.pop("reasons"), "offers.reasons is None"),
        (lambda d: d["catalogue"].update(offers=[]), "a grid and offers as well"),
        (lambda d: d["catalogue"]["grid"].update(prices=["0.1", "0.1"]), "catalogue.grid.prices"),
        (lambda d: d["catalogue"]["grid"].pop("terms"), "catalogue.grid has no terms"),
        (lambda d: d["catalogue"]["grid"].update(limits=[500.5]), "catalogue.grid.limits"),
    ],
)
def test_a_document_of_offers_that_was_spoilt_is_told(change: Any, said: str) -> None:
    document = json.loads(json.dumps(OFFERS.document()))
    change(document)
    with pytest.raises(InvalidOffers, match=said):
        OfferTerms.from_document(document)


def test_whatever_may_keep_somebody_from_what_was_asked_for_has_a_reason() -> None:
    assert set(OFFERS.reasons) == {why.value for why in Why} - {"above_amount_asked", "too_alike", "outranked"}
