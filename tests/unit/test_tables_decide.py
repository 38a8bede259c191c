"""A policy from tables decides: guards, sets, dates and segments, in the record and again from what was stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from meridian.api.schemas import RuleOut
from meridian.decision import Decision, Terms
from meridian.evidence import Evidence, canonical_json
from meridian.outcome import Outcome
from meridian.products import Product
from meridian.rulebook import check_yaml
from tests.captures import LOW, captured, graded_scorer, request_with

TABLES = """
policy: tables
rules:
  - {rule: renters, field: housing, hits: rent, effect: refer, reason: P03, unknown_reason: D03, meaning: Rents}
  - {rule: long, if: {purpose: 'car, moving'}, field: term_months, hits: '[48..60]', effect: decline, reason: P03,
     unknown_reason: D03, meaning: Long for this purpose}
  - {rule: new, field: amount, hits: '>= 9000.5', effect: refer, reason: P03, unknown_reason: D03, meaning: Large,
     since: 2026-03-03}
bands:
  - {rung: full, if: {housing: mortgage}, approve_below: 1 %, decline_above: 90 %}
  - {rung: full, approve_below: 12 %, decline_above: 35 %, limit_cap: 5000}
prices:
  - {pd_below: 12 %, apr: 7.9 %}
"""


@pytest.fixture(scope="module")
def product(personal_loan: Product) -> Product:
    policy, found = check_yaml(TABLES.encode(), personal_loan.vocabulary, "policy.yaml")
    assert policy is not None, [one.sentence() for one in found]
    return replace(personal_loan, terms=replace(personal_loan.terms, policy=policy))


def evidence(product: Product, day: int = 2, **form: Any) -> Evidence:
    report = {"revolving_utilisation": 0.1}
    return captured(product, request_with(product, report, **form), at=datetime(2026, 3, day, 23, tzinfo=UTC))


def decided(product: Product, day: int = 2, **form: Any) -> Decision:
    return product.decide(evidence(product, day, **form), graded_scorer())


@pytest.mark.parametrize(
    ("form", "outcome", "codes"),
    [
        ({"housing": "own"}, Outcome.APPROVE, []),
        ({"housing": "rent"}, Outcome.REFER, ["P03"]),
        ({"housing": "own", "term_months": 48, "purpose": "car"}, Outcome.DECLINE, ["P03"]),
        ({"housing": "own", "term_months": 47, "purpose": "car"}, Outcome.APPROVE, []),
        ({"housing": "own", "term_months": 48, "purpose": "medical"}, Outcome.APPROVE, []),
    ],
)
def test_rows_decide_as_they_say(product: Product, form: dict[str, Any], outcome: Outcome, codes: list[str]) -> None:
    decision = decided(product, **form)
    assert decision.outcome is outcome
    assert [reason.code for reason in decision.reasons] == codes


def test_an_applicant_is_decided_by_the_bands_of_the_segment(product: Product) -> None:
    assert decided(product, housing="mortgage").outcome is Outcome.REFER
    assert decided(product, housing="mortgage").band == "grey"
    approved = decided(product, housing="own")
    assert (approved.band, approved.offer.limit) == ("low", 5000)  # type: ignore[union-attr]
    assert LOW < 0.12


def test_a_row_is_in_force_from_its_day_on(product: Product) -> None:
    before, after = (decided(product, day, housing="own", amount=9000.5) for day in (2, 3))
    assert (before.outcome, after.outcome) == (Outcome.APPROVE, Outcome.REFER)
    assert [one.rule.name for one in before.rules] == ["renters", "long"]
    assert [one.rule.name for one in after.rules] == ["renters", "long", "new"]
    assert decided(product, 3, housing="own", amount=9000.4).outcome is Outcome.APPROVE


def test_the_record_has_the_value_the_cell_and_the_margin(product: Product) -> None:
    form = {"housing": "own", "term_months": 47, "purpose": "car", "amount": 9000.0}
    housing, term, amount = (one.document() for one in decided(product, 3, **form).rules)
    assert housing == {
        "rule": "renters", "effect": "refer", "value": "own", "limit": None, "margin": None, "hit": False,
        "hits": "rent",
    }  # fmt: skip
    assert (term["value"], term["limit"], term["margin"], term["hits"]) == (47, 48, 1, "[48..60]")
    assert (amount["value"], amount["limit"], amount["margin"], amount["hits"]) == (9000, 9000.5, 0.5, ">= 9000.5")
    not_asked = decided(product, **form | {"purpose": "medical"}).rules[1].document()
    assert (not_asked["hit"], not_asked["applies"], not_asked["margin"]) == (False, False, None)
    for document in (housing, term, amount, not_asked):
        RuleOut.model_validate(document)


def test_what_was_stored_decides_the_same_again(product: Product) -> None:
    again = replace(product, terms=Terms.from_text(canonical_json(product.terms.document()).decode()))
    assert again.terms.version == product.terms.version
    for form in ({"housing": "rent"}, {"housing": "mortgage"}, {"term_months": 60, "purpose": "moving"}):
        for day in (2, 3):
            stored = Evidence.from_text(evidence(product, day, **form).text)
            first, second = (one.decide(stored, graded_scorer()) for one in (product, again))
            assert canonical_json(first.document()) == canonical_json(second.document())
