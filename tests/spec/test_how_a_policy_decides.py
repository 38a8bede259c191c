"""The policy manual: how an applicant is decided. Each test is a sentence of it, and holds as long as it passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meridian.cases import Case, run
from meridian.decision import Decision, Terms
from meridian.errors import InvalidOffers
from meridian.evidence import Rung
from meridian.offers.money import cents
from meridian.outcome import Outcome
from meridian.policy.cells import unknown
from meridian.products import find_product
from meridian.registry.policies import PolicyChange, effective

NAMES = ("consumer-loan", "personal-loan", "credit-card")
LOAN = find_product("consumer-loan")
DAY = date(2026, 3, 2)
GOOD = {
    "amount": 8000, "term_months": 36, "annual_income": 58000, "loan_to_income": 0.14, "debt_to_income": 0.22,
    "bankruptcies": 0, "worst_days_late": 0, "own_days_late_now": 0, "inquiries_180d": 1, "own_applications_90d": 0,
    "state": "FL",
}  # fmt: skip
"""Somebody against whom no rule of the consumer loan speaks."""
KNOCK_OUTS = {
    "annual_income": 9000, "loan_to_income": 1.5, "debt_to_income": 0.7, "bankruptcies": 2, "worst_days_late": 91,
    "own_days_late_now": 61,
}  # fmt: skip
REFERRALS = {"inquiries_180d": 13, "own_applications_90d": 5}
RULED = (*KNOCK_OUTS, *REFERRALS)

pds = st.floats(0, 1, allow_nan=False)


def decided(
    pd: float | None = 0.04, rung: Rung = Rung.FULL, day: date = DAY, terms: Terms = LOAN.terms, **values: object
) -> Decision:
    case = Case("", 1, {**GOOD, **values}, date(1985, 1, 1), pd, rung, day, frozenset(), Outcome.APPROVE)
    return run([case], LOAN, terms)[0].decision


@pytest.mark.parametrize("field", KNOCK_OUTS)
@given(pd=st.none() | pds)
def test_a_knock_out_declines_whatever_the_score(field: str, pd: float | None) -> None:
    """A knock-out declines whatever the score, and where there is none."""
    assert decided(pd, **{field: KNOCK_OUTS[field]}).outcome is Outcome.DECLINE


@pytest.mark.parametrize("field", REFERRALS)
@given(pd=pds)
def test_a_referral_never_approves_and_saves_nobody_from_a_decline(field: str, pd: float) -> None:
    """A referral refers what the score approves, and leaves declined what the score declines."""
    score = decided(pd).outcome
    expected = Outcome.REFER if score is Outcome.APPROVE else score
    assert decided(pd, **{field: REFERRALS[field]}).outcome is expected


@given(pd=st.none() | pds, withheld=st.sets(st.sampled_from(RULED), min_size=1))
def test_what_is_not_known_never_approves(pd: float | None, withheld: set[str]) -> None:
    """What is not known never approves, however good the score and however much else is known."""
    assert decided(pd, **dict.fromkeys(withheld)).outcome is not Outcome.APPROVE


@given(pd=st.floats(0, 0.35))
def test_what_is_not_known_declines_nobody_by_itself(pd: float) -> None:
    """What is not known declines nobody by itself: a person looks."""
    assert decided(pd, **dict.fromkeys(RULED)).outcome is Outcome.REFER


def test_without_a_score_nobody_is_approved() -> None:
    """Without a score nobody is approved, and the reason is that the application could not be evaluated now."""
    decision = decided(None)
    assert decision.outcome is Outcome.REFER
    assert [reason.code for reason in decision.reasons] == [LOAN.terms.no_score_reason]


@pytest.mark.parametrize("name", NAMES)
@given(pd=pds)
def test_bands_have_no_gap_and_no_overlap(name: str, pd: float) -> None:
    """Bands have no gap and no overlap: every PD is in exactly one, and both edges are in the grey one."""
    bands = find_product(name).bands
    within = (
        pd < bands.approve_below,
        bands.approve_below <= pd <= bands.decline_above,
        pd > bands.decline_above,
    )
    assert within.count(True) == 1
    expected = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)[within.index(True)]
    assert bands.outcome(pd) is expected


@given(one=pds, other=pds)
def test_a_better_score_is_never_decided_worse(one: float, other: float) -> None:
    """A better score is never decided worse, all else alike."""
    better, worse = sorted((one, other))
    outcomes = [decided(better).outcome, decided(worse).outcome]
    assert Outcome.worst(outcomes) is outcomes[1]


@given(pd=pds, rung=st.sampled_from([one for one in Rung if one is not Rung.FULL]))
def test_a_lower_rung_never_approves_more(pd: float, rung: Rung) -> None:
    """A lower rung never approves more: whom it approves, the full one approves, with no lower an amount."""
    lower = decided(None if rung is Rung.POLICY_ONLY else pd, rung, amount=20_000)
    if lower.outcome is Outcome.APPROVE:
        full = decided(pd, amount=20_000)
        assert full.outcome is Outcome.APPROVE
        assert lower.offer is not None
        assert full.offer is not None
        assert lower.offer.limit <= full.offer.limit


@given(pd=pds)
def test_an_earlier_score_declines_nobody(pd: float) -> None:
    """An earlier score declines nobody: what was true a month ago refuses nobody now."""
    assert decided(pd, Rung.PRE_COMPUTED).outcome is not Outcome.DECLINE


@given(pd=st.none() | st.floats(0, 0.35), values=st.fixed_dictionaries({}, optional={
    name: st.sampled_from([None, GOOD[name], ({**KNOCK_OUTS, **REFERRALS})[name]]) for name in RULED
}))  # fmt: skip
def test_every_rule_is_judged_and_the_worst_counts(pd: float | None, values: dict[str, object]) -> None:
    """Every rule is judged whatever the others found, and the worst of what follows counts."""
    decision = decided(pd, **values)
    assert len(decision.rules) == len(LOAN.policy.rules)
    assert Outcome.worst([*(rule.outcome for rule in decision.rules), decision.outcome]) is decision.outcome
    for name, value in values.items():
        (rule,) = (one for one in decision.rules if one.rule.field == name)
        assert (rule.hit is None) == unknown(value)


def test_a_rule_holds_from_its_first_day_and_before_its_last() -> None:
    """A rule holds from its first day on and before its last, by the day of receipt."""
    rules = tuple(
        replace(rule, since=DAY, until=DAY + timedelta(days=2)) if rule.field == "bankruptcies" else rule
        for rule in LOAN.policy.rules
    )
    terms = replace(LOAN.terms, policy=replace(LOAN.policy, rules=rules))
    days = [DAY + timedelta(days=number) for number in range(-1, 3)]
    outcomes = [decided(day=day, terms=terms, bankruptcies=2).outcome for day in days]
    assert outcomes == [Outcome.APPROVE, Outcome.DECLINE, Outcome.DECLINE, Outcome.APPROVE]


@given(starts=st.lists(st.integers(0, 9), min_size=1, max_size=6), now=st.integers(0, 9))
def test_exactly_one_version_decides_at_any_moment(starts: list[int], now: int) -> None:
    """Exactly one version decides at any moment: of those whose moment has come, the one that was published last."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    changes = [
        PolicyChange("loan", number, str(number), first + timedelta(days=start), False, "for the manual", "ana")
        for number, start in enumerate(starts, 1)
    ]
    holds = effective(changes, "loan", first + timedelta(days=now))
    due = [number for number, start in enumerate(starts, 1) if start <= now]
    assert (holds.number if holds else None) == max(due, default=None)


@given(amount=st.decimals(0, 10**6, places=2, allow_nan=False))
def test_money_never_passes_through_a_float(amount: Decimal) -> None:
    """Money never passes through a float: a decimal is whole cents to the cent, and a float is refused."""
    assert cents("amount", amount) == amount * 100
    with pytest.raises(InvalidOffers):
        cents("amount", float(amount))  # type: ignore[arg-type]
