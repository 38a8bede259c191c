"""Reconciliation: all nine pairs of answers; a machine never takes back an approval, nor a case from an analyst."""

from __future__ import annotations

from itertools import product

import pytest

from meridian.assessment import CAUTIOUS, Settlement, reconcile
from meridian.outcome import Outcome
from meridian.products import products

A, R, D = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE
CONFIRM, OVERTURN, CASE = Settlement.CONFIRM, Settlement.OVERTURN, Settlement.CASE

# fast, batch, what follows, what follows where an analyst has the case
PAIRS = [
    (A, A, CONFIRM, CONFIRM),
    (A, R, CASE, CASE),
    (A, D, CASE, CASE),
    (R, A, OVERTURN, CASE),
    (R, R, CASE, CASE),
    (R, D, OVERTURN, CASE),
    (D, A, CASE, CASE),
    (D, R, CASE, CASE),
    (D, D, CONFIRM, CONFIRM),
]


@pytest.mark.parametrize(("fast", "batch", "alone", "in_hands"), PAIRS)
def test_what_follows_from_two_answers(fast: Outcome, batch: Outcome, alone: Settlement, in_hands: Settlement) -> None:
    assert reconcile(CAUTIOUS, fast, batch, in_analysts_hands=False) is alone
    assert reconcile(CAUTIOUS, fast, batch, in_analysts_hands=True) is in_hands


def test_all_nine_pairs_are_stated() -> None:
    assert set(CAUTIOUS) == set(product(Outcome, Outcome)) == {(fast, batch) for fast, batch, _, _ in PAIRS}


@pytest.mark.parametrize("name", sorted(products()))
@pytest.mark.parametrize("batch", list(Outcome))
def test_no_product_lets_a_machine_take_back_an_approval(name: str, batch: Outcome) -> None:
    """Nor turn a decline that was communicated into an approval: that takes a person."""
    contract = products()[name].contract
    assert contract[A, batch] is not OVERTURN
    assert contract[D, batch] is not OVERTURN
    assert set(contract) == set(product(Outcome, Outcome))


@pytest.mark.parametrize(("fast", "batch"), list(product(Outcome, Outcome)))
def test_what_an_analyst_has_in_hand_no_contract_overturns(fast: Outcome, batch: Outcome) -> None:
    bold = dict.fromkeys(product(Outcome, Outcome), OVERTURN)
    assert reconcile(bold, fast, batch, in_analysts_hands=True) is CASE
