"""Reasons: summed by what they say before they are ranked, only what harmed, at most four, and never vague."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.products import Product
from meridian.reasons import INSUFFICIENT, MOST_REASONS, Reason, ReasonCode, Reasons, ReasonSource, principal
from meridian.scoring import Score

GROUPS = {"income": "R1", "amount": "R1", "late": "R2", "later": "R2", "age": "R3", "debts": "R4", "asked": "R5"}
CODES = [ReasonCode(f"R{i}", f"Text {i}", ReasonSource.MODEL) for i in range(1, 6)]
POLICY_CODE = ReasonCode("P1", "Policy", ReasonSource.POLICY)


REASONS = Reasons([*CODES, POLICY_CODE], GROUPS)


def of_score(contributions: Mapping[str, float]) -> list[Reason]:
    return REASONS.of_score(Score(0.5, 500, contributions))


def test_contributions_are_summed_within_a_group_before_they_are_ranked() -> None:
    """Two features of one story together outrank a feature that is larger than either."""
    given_ = of_score({"income": 0.3, "amount": 0.3, "age": 0.5, "late": 0.1})
    assert [(one.code, one.contribution) for one in given_] == [("R1", 0.6), ("R3", 0.5), ("R2", 0.1)]


def test_a_group_whose_features_cancel_out_is_no_reason() -> None:
    assert [one.code for one in of_score({"income": 0.3, "amount": -0.4, "late": 0.2, "later": -0.1})] == ["R2"]


def test_what_helped_or_did_nothing_is_no_reason() -> None:
    assert of_score({"income": -0.2, "late": 0.0}) == []


def test_of_two_that_harmed_alike_the_lower_code_comes_first() -> None:
    forwards = {"income": 0.25, "late": 0.25, "age": 0.25, "debts": 0.25}
    backwards = dict(reversed(forwards.items()))
    assert [one.code for one in of_score(forwards)] == ["R1", "R2", "R3", "R4"]
    assert of_score(forwards) == of_score(backwards)


shares = st.dictionaries(st.sampled_from(sorted(GROUPS)), st.floats(-5, 5, allow_nan=False))


@given(shares)
def test_reasons_fall_in_harm_and_stand_once(contributions: dict[str, float]) -> None:
    """For every score: each reason harmed, none twice, the most harmful first, four at most in the end."""
    found = of_score(contributions)
    harms = [one.contribution for one in found]
    assert all(harm is not None and harm > 0 for harm in harms)
    assert harms == sorted(harms, reverse=True)  # type: ignore[type-var]
    assert len({one.code for one in found}) == len(found)
    assert list(principal(found)) == found[:MOST_REASONS]
    assert all(one.source is ReasonSource.MODEL for one in found)


def test_reasons_of_the_policy_come_first_and_a_code_stands_once() -> None:
    rules = REASONS.of_codes(["P1", "R2", "P1"])
    assert [one.code for one in rules] == ["P1", "R2"]
    both = principal(rules, of_score({"late": 0.9, "income": 0.5, "age": 0.4, "debts": 0.3, "asked": 0.2}))
    assert [one.code for one in both] == ["P1", "R2", "R1", "R3"]
    assert both[0].contribution is None
    assert both[0].document() == {"code": "P1", "text": "Policy", "source": "policy", "contribution": None}


def test_a_feature_that_speaks_for_a_reason_without_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="R9"):
        Reasons(CODES, {"odd": "R9"})


def test_every_group_and_every_rule_has_a_text(personal_loan: Product) -> None:
    wanted = {one.group for one in personal_loan.features} | {personal_loan.terms.no_score_reason}
    wanted |= {code for rule in personal_loan.policy.rules for code in (rule.reason, rule.unknown_reason)}
    assert {code for code in wanted if code not in personal_loan.reasons} == set()


def test_a_code_has_the_source_that_its_letter_says(personal_loan: Product) -> None:
    letters = {"R": ReasonSource.MODEL, "P": ReasonSource.POLICY, "D": ReasonSource.DATA, "A": ReasonSource.ANALYST}
    for code in personal_loan.reasons.codes:
        assert code.source is letters[code.code[0]], code.code
    assert {one.group[0] for one in personal_loan.features} == {"R"}


def test_texts_are_unique_and_say_something(personal_loan: Product) -> None:
    """12 CFR 1002.9(b)(2): 'internal standards' and 'failed to score enough' are no reasons."""
    texts = [code.text for code in personal_loan.reasons.codes]
    assert len(set(texts)) == len(texts)
    assert [text for text in texts if INSUFFICIENT.search(text)] == []
    assert [text for text in texts if not 8 <= len(text) <= 100 or not text[0].isupper()] == []


def test_a_feature_that_stands_at_its_default_speaks_for_that_alone() -> None:
    """Summed under the code that is true of the applicant, and not under its own."""
    contributions = {"late": 0.3, "later": 0.2, "income": 0.4}
    given_ = REASONS.of_score(Score(0.5, 500, contributions), {"late": "R5", "later": "R5"})
    assert [(one.code, round(one.contribution or 0, 6)) for one in given_] == [("R5", 0.5), ("R1", 0.4)]
