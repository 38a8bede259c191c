"""Saved cases: what is decided beside a policy, what a failing one says, and what is no case."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from meridian.cases import Ran, read_cases, run
from meridian.cases.saved import cases_check, cases_file
from meridian.cli.policy.cases import cases
from meridian.errors import InvalidPolicy
from meridian.products import find_product
from meridian.products.shelf import policy_file
from meridian.rulebook import load_policy

NAMES = ("consumer-loan", "personal-loan", "credit-card")
CARD = find_product("credit-card")
TYPICAL = "typical:\n  pd: 10 %\n  with: {age_years: 35, delay_1: 0}\n"


def of_card(case: str, typical: str = TYPICAL, **changes: Any) -> tuple[tuple[Ran, ...], list[str]]:
    policy = replace(CARD.policy, **changes)
    read, found = read_cases(f"{typical}cases:\n{case}".encode(), "cases.yaml", CARD, policy)
    return run(read, CARD, replace(CARD.terms, policy=policy)), [one.sentence() for one in found]


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_a_built_in_product_are_decided_as_expected(name: str) -> None:
    product = find_product(name)
    check = cases_check(product, product.terms, None)
    assert check["passed"], check["found"]


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_a_built_in_product_meet_each_of_its_rules(name: str) -> None:
    """Of each rule there is a case in which it decides: one that is changed is noticed."""
    product, saved = find_product(name), cases_file(find_product(name), None)
    assert saved is not None
    read, _ = read_cases(saved.read_bytes(), saved.name, product, product.policy)
    hit = {rule.rule.name for one in run(read, product, product.terms) for rule in one.decision.rules if rule.hit}
    assert hit == {rule.name for rule in product.policy.rules}


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        (
            "  - {case: Late, expect: approve, with: {delay_1: 4}}",
            "case 'Late': expected approve, got decline by rule late-now (delay_1 4, limit 3, margin -1)",
        ),
        (
            "  - {case: Silent, expect: approve, with: {delay_1: not known}}",
            "case 'Silent': expected approve, got refer by rule late-now (delay_1 not known)",
        ),
        (
            "  - {case: Grey, expect: approve, pd: 20 %}",
            "case 'Grey': expected approve, got refer by the score (PD 0.2, approve below 0.2, decline above 0.55)",
        ),
        (
            "  - {case: Dark, expect: approve, pd: no score}",
            "case 'Dark': expected approve, got refer for want of a score",
        ),
        (
            "  - {case: Told, expect: decline, reasons: P01, with: {delay_1: 4}}",
            "case 'Told': expected reasons P01, got P02",
        ),
        (
            "  - {case: Hit, expect: approve, hits: late-now}",
            "case 'Hit': expected rule late-now to hit (delay_1 0, limit 3, margin 3)",
        ),
    ],
)
def test_a_failing_case_says_what_made_it_so(case: str, sentence: str) -> None:
    (ran,), found = of_card(case)
    assert not found
    assert ran.wrong == (sentence,)


def test_an_age_is_that_of_the_day() -> None:
    case = "  - {case: Leap, expect: approve, day: 2028-02-29, with: {age_years: 18}}"
    (ran,), found = of_card(case)
    assert not found
    assert ran.passed
    assert ran.case.born == date(2010, 2, 28)


def test_a_case_of_a_policy_with_dates_states_its_day() -> None:
    rules = tuple(replace(rule, since=date(2026, 1, 1)) for rule in CARD.policy.rules)
    _, found = of_card("  - {case: A, expect: approve}", rules=rules)
    assert "state the day of receipt" in found[0]


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        (
            "  - {case: A, expect: approve, with: {delay_11: 4}}",
            "line 5, cases, row 1 'A', column delay_11: 'delay_11' is no field of this product; write delay_1",
        ),
        ("  - {case: A, expect: approve, with: {delay_1: four}}", "line 5, cases, row 1 'A', column delay_1"),
        ("  - {case: A, expect: approve, with: {delay_1: -500}}", "is not within"),
        ("  - {case: A, expect: approve, with: {age_years: 999}}", "is no age"),
        ("  - {case: A, expect: approve, with: [1]}", "what is known is no map"),
        ("  - {case: A, expect: aprove}", "write approve"),
        ("  - {case: A, expect: refer, reasons: P9}", "'P9' is no reason here"),
        ("  - {case: A, expect: refer, hits: late}", "'late' is no rule here; write late-now"),
        ("  - {case: A, expect: refer, failed: acount}", "'acount' is no source here; write account"),
        ("  - {case: A, expect: refer, day: 2.3.2026}", "is no day as YYYY-MM-DD"),
        ("  - {case: A, expect: refer, pd: 120 %}", "is not from 0 to 100 %"),
        ("  - {case: A, expect: refer, rung: fulll}", "write full"),
        ("  - {case: A, expect: refer, rung: policy-only}", "no model scores on the rung policy-only"),
        ("  - {case: A, expect: refer, rung: pre-computed, pd: no score}", "state its PD"),
        ("  - {case: A, expects: refer}", "'expects' is nothing that is stated here; write expect"),
        (
            "  - {case: A, expect: refer}\n  - {case: A, expect: refer}",
            "line 6, cases, column case: 'A' is the name of the case in line 5 too",
        ),
        ("  - text", "the case is no map"),
        ("  []", "there are no cases"),
    ],
)  # fmt: skip
def test_what_is_no_case_is_found_with_its_line(case: str, sentence: str) -> None:
    ran, found = of_card(case)
    assert not ran
    assert any(sentence in one for one in found), found


@pytest.mark.parametrize(
    ("typical", "sentence"),
    [
        ("typical:\n  pd: 1 %\n", "how old the applicant is, is not stated"),
        ("typical: text\n", "write a map of what it states"),
        ("typicall:\n  pd: 1 %\n", "line 1: 'typicall' is no part of the file; write typical"),
    ],
)
def test_what_is_wrong_with_the_typical_applicant_is_found(typical: str, sentence: str) -> None:
    _, found = of_card("  - {case: A, expect: approve, pd: 1 %}", typical)
    assert any(sentence in one for one in found), found


def test_what_is_wrong_with_the_typical_applicant_is_said_once() -> None:
    typical = "typical:\n  pd: 1 %\n  with: {age_years: 40, delay_11: 4}\n"
    _, found = of_card("  - {case: A, expect: approve}\n  - {case: B, expect: approve}", typical)
    assert len(found) == 1


@pytest.mark.parametrize("content", [b"- a list", b"cases: [", b"", b"typical:\n  pd: 1 %\n", b"cases: no list"])
def test_a_file_that_holds_no_cases_is_refused(content: bytes) -> None:
    read, found = read_cases(content, "cases.yaml", CARD, CARD.policy)
    assert not read
    assert found


def test_an_approval_of_a_priced_policy_needs_what_an_offer_is_made_of() -> None:
    loan = find_product("personal-loan")
    text = b"cases:\n  - {case: A, expect: approve, pd: 1 %, with: {age_years: 40}}"
    _, found = read_cases(text, "cases.yaml", loan, loan.policy)
    assert ["amount" in one.problem or "term_months" in one.problem for one in found] == [True, True]


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    present = policy_file("credit-card")
    assert present is not None
    (tmp_path / "draft.yaml").write_text(present.read_text().replace("> 3", "> 4"))
    return tmp_path / "draft.yaml"


def test_a_draft_is_held_to_the_cases_of_its_product_or_those_beside_it(draft: Path) -> None:
    terms = replace(CARD.terms, policy=load_policy(draft, CARD.vocabulary))
    check = cases_check(CARD, terms, draft)
    assert not check["passed"]
    assert "case 'Four months late, whatever the score': expected decline, got approve" in check["found"]
    beside = draft.parent / "cases.yaml"
    beside.write_text(TYPICAL + "cases:\n  - {case: A, expect: approve, with: {delay_1: 4}}\n")
    assert cases_file(CARD, draft) == beside
    told = "1 of 1 cases as expected (of the draft's own cases.yaml)"
    assert cases_check(CARD, terms, draft) == {"name": "cases", "passed": True, "found": told}
    beside.write_text("cases: text")
    with pytest.raises(InvalidPolicy, match="begin each case"):
        cases_check(CARD, terms, draft)
    with pytest.raises(InvalidPolicy, match="begin each case"):
        cases("credit-card", draft)
