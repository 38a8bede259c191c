"""The policy for personal loans: every rule below, at and above its limit, and where nothing is known."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.decision import Terms
from meridian.evidence import canonical_json
from meridian.outcome import Outcome
from meridian.policy import Bands, Policy, Rule, RuleResult, Test, make_offer
from meridian.products import Product
from meridian.products.personal_loan.policy import POLICY
from meridian.reasons import Reasons

PRICES = POLICY.prices
APPROVE, REFER, DECLINE = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE

# rule, field, effect, (a value that hits, the limit, a value that passes), reason, reason where it is not known
RULES = [
    ("age-of-majority", "age_years", DECLINE, (17, 18, 19), "P01", "P01"),
    ("income-floor", "annual_income", DECLINE, (11_999.99, 12_000, 12_000.01), "P02", "D03"),
    ("loan-to-income", "loan_to_income", DECLINE, (0.750001, 0.75, 0.749999), "P03", "D03"),
    ("payment-to-income", "payment_to_income", DECLINE, (0.300001, 0.30, 0.299999), "P03", "D03"),
    ("debt-to-income", "debt_to_income", DECLINE, (0.430001, 0.43, 0.429999), "P04", "D01"),
    ("bankruptcies", "bankruptcies", DECLINE, (2, 1, 0), "P05", "D01"),
    ("delinquencies", "delinquencies_2y", DECLINE, (4, 3, 2), "P06", "D01"),
    ("charge-offs", "chargeoffs_12m", DECLINE, (1, 0, 0), "P07", "D01"),
    ("own-arrears", "own_worst_days_late", DECLINE, (61, 60, 59), "P11", "D02"),
    ("delinquent-now", "accounts_delinquent_now", REFER, (1, 0, 0), "P08", "D01"),
    ("inquiries", "inquiries_6m", REFER, (7, 6, 5), "P09", "D01"),
    ("credit-age", "credit_age_months", REFER, (11, 12, 13), "P10", "D06"),
    ("own-velocity", "own_applications_90d", REFER, (5, 4, 3), "P12", "D02"),
]
table = pytest.mark.parametrize("row", RULES, ids=[row[0] for row in RULES])


def judged(policy: Policy, name: str, field: str, value: float) -> RuleResult:
    return next(result for result in policy.judge({field: value}) if result.rule.name == name)


def test_every_rule_stands_in_the_table(personal_loan: Product) -> None:
    assert [rule.name for rule in personal_loan.policy.rules] == [row[0] for row in RULES]


@table
def test_beyond_its_limit_a_rule_hits_and_at_its_limit_it_does_not(personal_loan: Product, row: tuple) -> None:
    name, field, effect, (hits, limit, passes), reason, _ = row
    beyond, at, within = (judged(personal_loan.policy, name, field, value) for value in (hits, limit, passes))
    assert (beyond.hit, beyond.outcome, beyond.reason) == (True, effect, reason)
    assert beyond.margin is not None
    assert beyond.margin < 0
    assert (at.hit, at.margin, at.outcome, at.reason) == (False, 0, APPROVE, None)
    assert (within.hit, within.outcome, within.reason) == (False, APPROVE, None)
    assert within.margin is not None
    assert within.margin >= 0
    document = beyond.document()
    assert document == {
        "rule": name,
        "effect": effect.value,
        "value": hits,
        "limit": limit,
        "margin": pytest.approx(beyond.margin, abs=1e-6),
        "hit": True,
    }


@table
@pytest.mark.parametrize("values", [{}, None], ids=["absent", "not a number"])
def test_what_is_not_known_refers_and_never_passes(personal_loan: Product, row: tuple, values: dict | None) -> None:
    name, field, _, _, _, unknown = row
    results = personal_loan.policy.judge({field: math.nan} if values is None else values)
    result = next(one for one in results if one.rule.name == name)
    assert (result.hit, result.value, result.margin) == (None, None, None)
    assert (result.outcome, result.reason) == (REFER, unknown)
    assert result.document()["hit"] is None


@table
def test_every_reason_of_a_rule_has_a_text(personal_loan: Product, row: tuple) -> None:
    assert personal_loan.reasons[row[4]].text
    assert personal_loan.reasons[row[5]].text


@given(value=st.floats(allow_nan=False), limit=st.floats(-1e12, 1e12), test=st.sampled_from(Test))
def test_a_margin_is_negative_exactly_where_the_rule_hits(value: float, limit: float, test: Test) -> None:
    rule = Rule("any", DECLINE, "x", test, limit, "P01", "D01", "any")
    result = rule.judge({"x": value})
    assert result.hit == (value < limit if test is Test.BELOW else value > limit)
    assert result.margin is not None
    assert (result.margin < 0) == result.hit


def test_every_rule_is_judged_whatever_the_first_ones_found(personal_loan: Product) -> None:
    """The record shows what else would have hit."""
    results = personal_loan.policy.judge({"age_years": 17.0, "bankruptcies": 5.0, "inquiries_6m": 9.0})
    assert {one.rule.name for one in results if one.hit} == {"age-of-majority", "bankruptcies", "inquiries"}
    assert len(results) == len(RULES)


def test_a_rule_may_say_that_it_needs_no_answer() -> None:
    rule = Rule("optional", REFER, "x", Test.ABOVE, 1, "P01", "D01", "any", unknown=APPROVE)
    assert (rule.judge({}).outcome, rule.judge({}).reason) == (APPROVE, None)
    assert rule.judge({"x": 2.0}).outcome is REFER


@table
def test_a_changed_limit_is_another_version(personal_loan: Product, row: tuple) -> None:
    before, policy = personal_loan.terms, personal_loan.policy
    changed = tuple(replace(rule, limit=rule.limit + 1) if rule.name == row[0] else rule for rule in policy.rules)
    assert replace(before, policy=replace(policy, rules=changed)).version != before.version
    assert replace(before, policy=replace(policy, rules=tuple(policy.rules))).version == before.version
    assert before.version.startswith("personal-loan-1-")


def test_a_changed_reason_text_is_another_version(personal_loan: Product) -> None:
    before = personal_loan.terms
    codes = [replace(code, text=f"{code.text}, it seems") for code in before.reasons.codes]
    assert replace(before, reasons=Reasons(codes, personal_loan.features.groups)).version != before.version


def test_terms_read_back_from_their_text_are_the_same(personal_loan: Product) -> None:
    """What the record keeps of a policy is enough to decide by it."""
    again = Terms.from_text(canonical_json(personal_loan.terms.document()).decode())
    assert again.version == personal_loan.terms.version
    assert again.document() == personal_loan.terms.document()
    assert again.policy == personal_loan.policy


@pytest.mark.parametrize(
    ("born", "received", "age"),
    [
        ("2008-03-03", "2026-03-02T23:59:59+00:00", 17),
        ("2008-03-02", "2026-03-02T11:59:59+00:00", 17),
        ("2008-03-02", "2026-03-02T12:00:00+00:00", 18),
        ("2008-03-01", "2026-03-02T10:30:00+00:00", 18),
        ("2008-02-29", "2026-02-28T12:00:00+00:00", 17),
        ("2008-02-29", "2026-03-01T12:00:00+00:00", 18),
        ("2007-12-31", "2026-01-01T00:00:00+00:00", 18),
        ("1950-01-01", "2026-03-02T12:00:00+00:00", 21),
    ],
)
def test_age_is_in_whole_years_on_the_day_of_receipt(
    personal_loan: Product, born: str, received: str, age: int
) -> None:
    evidence = {"request": {"application": {"date_of_birth": born}}, "received_at": received}
    assert datetime.fromisoformat(received).tzinfo is not None
    assert personal_loan.policy.derive(evidence) == {"age_years": float(age)}


@pytest.mark.parametrize(
    ("pd", "outcome", "band"),
    [
        (0.0, APPROVE, "low"),
        (math.nextafter(0.12, 0), APPROVE, "low"),
        (0.12, REFER, "grey"),
        (0.2, REFER, "grey"),
        (0.35, REFER, "grey"),
        (math.nextafter(0.35, 1), DECLINE, "high"),
        (1.0, DECLINE, "high"),
    ],
)
def test_below_the_grey_band_approves_above_it_declines(pd: float, outcome: Outcome, band: str) -> None:
    assert (Bands(0.12, 0.35).outcome(pd), Bands(0.12, 0.35).band(pd)) == (outcome, band)


@pytest.mark.parametrize(
    ("pd", "apr"), [(0.0, 0.079), (0.03, 0.099), (0.0499, 0.099), (0.05, 0.129), (0.08, 0.169), (0.119, 0.169)]
)
def test_the_price_is_that_of_the_first_tier_above_the_pd(pd: float, apr: float) -> None:
    offer = make_offer(PRICES, pd, 9000.0, 36)
    assert offer.document() == {"limit": 9000.0, "apr": apr, "term": 36}


def test_what_an_analyst_approves_beyond_the_tiers_has_the_highest_price() -> None:
    assert make_offer(PRICES, 0.4, 9000.0, 36).apr == PRICES[-1].apr


@given(st.lists(st.sampled_from(Outcome)))
def test_the_worst_outcome_prevails(outcomes: list[Outcome]) -> None:
    worst = Outcome.worst(outcomes)
    assert worst is (DECLINE if DECLINE in outcomes else REFER if REFER in outcomes else APPROVE)
