"""Reconciliation: the fast and the batch answer meet, and a stated contract says who governs.

A communicated approval is never reversed by a machine, a decline is overturned only by a person, and a
referral that nobody has picked up yet is settled where the batch model is sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from meridian.outcome import Outcome


class Settlement(StrEnum):
    """What follows when the two answers are side by side."""

    CONFIRM = "confirm"
    """The fast decision goes on governing."""
    OVERTURN = "overturn"
    """The assessment governs from now on."""
    CASE = "case"
    """The fast decision governs until an analyst has settled the disagreement."""


Contract = Mapping[tuple[Outcome, Outcome], Settlement]
"""(fast outcome, batch outcome) -> what follows; all nine pairs are stated."""

_A, _R, _D = Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE

CAUTIOUS: Contract = {
    (_A, _A): Settlement.CONFIRM,
    (_A, _R): Settlement.CASE,
    (_A, _D): Settlement.CASE,
    (_R, _A): Settlement.OVERTURN,
    (_R, _R): Settlement.CASE,
    (_R, _D): Settlement.OVERTURN,
    (_D, _A): Settlement.CASE,
    (_D, _R): Settlement.CASE,
    (_D, _D): Settlement.CONFIRM,
}
"""The default contract."""


def reconcile(
    contract: Contract,
    fast: Outcome,
    batch: Outcome,
    *,
    in_analysts_hands: bool,
    same_policy: bool = True,
    scored: bool = True,
) -> Settlement:
    """What follows for this application.

    What an analyst has claimed or settled is the analyst's; and where the policy changed between the two
    answers, they differ in more than the model, so that a person looks at it. A batch answer that refers for want of
    a score (`scored` is False) is no second opinion on what a stand-in had settled; deciding again after the outage is.
    """
    if batch is Outcome.REFER and not scored and fast is not Outcome.REFER:
        return Settlement.CONFIRM
    settlement = contract[fast, batch]
    if settlement is Settlement.OVERTURN and (in_analysts_hands or not same_policy):
        return Settlement.CASE
    return settlement
