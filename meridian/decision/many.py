"""The same decision about many applicants at once, in columns: outcomes, what led to them, and what is offered.

It is for looking at a policy before it decides. Whoever is answered is answered by `decide`; a property test holds the
two equal, and every backtest over the record does so again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from meridian.decision.decide import decide
from meridian.decision.offering import offering
from meridian.decision.terms import Terms
from meridian.evidence import Evidence
from meridian.outcome import Outcome
from meridian.policy import Found, Policy
from meridian.policy.bands import LOW
from meridian.policy.compiled import Columns

Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]
Floats = NDArray[np.float64]

APPROVE, REFER, DECLINE = (outcome.severity for outcome in Outcome)
OUTCOMES = tuple(Outcome)
"""By severity."""


class Said(IntEnum):
    """What the score alone said, as a number in a column."""

    BAND = 0
    """What the band of the PD leads to."""
    INPUT_UNKNOWN = 1
    NO_SCORE = 2


@dataclass(frozen=True)
class Many:
    """What many applicants are decided from; every column has a row for each.

    `columns` has the fields that rules and segments read (what is not known: NaN, None or an empty text), `pds` the
    probabilities of default, NaN for want of a score. `unread` says that an input of the model is not known, `days` the
    day of receipt in UTC. `amounts` are the dollars asked for, NaN where a product knows no amount. `apart` has the
    evidence of those, by row, for whom an earlier score stands in: there are few, and they are decided one by one.
    `evidence` has that of everybody, where terms have offers: the funnel is asked for each who would be approved.
    """

    columns: Columns
    pds: Floats
    rungs: Codes
    unread: Bools
    days: NDArray[np.datetime64]
    amounts: Floats
    apart: Mapping[int, Evidence] = field(default_factory=dict)
    evidence: Sequence[Evidence] = ()

    def __len__(self) -> int:
        return len(self.pds)


@dataclass(frozen=True)
class ManyDecided:
    """What came of it. Outcomes are severities, as everywhere in these columns: 0 approve, 1 refer, 2 decline.

    `found` and `by_rule` have a row for each rule of the policy: what it found (`Found`), and what follows from it
    alone; `verdicts` is what follows from the score, `said` how, and `by_offers` what the offers leave of an approval.
    `limits` (dollars) is what is lent to those who are approved, and `rates` (a year, a fraction) at what price; NaN
    where nothing is, or no price is stated.
    """

    outcomes: Codes
    found: Codes
    by_rule: Codes
    verdicts: Codes
    said: Codes
    by_offers: Codes
    limits: Floats
    rates: Floats


def decide_many(many: Many, terms: Terms) -> ManyDecided:
    """Decide about all of them by the same terms; see `decide`."""
    policy = terms.policy
    found = _found(policy, many)
    by_rule = _by_rule(policy, found)
    approve_below, decline_above, caps = policy.steps_of_columns(many.rungs, many.columns)
    verdicts, said = _verdicts(many, approve_below, decline_above)
    outcomes = np.maximum(verdicts, by_rule.max(axis=0, initial=APPROVE)).astype(np.int8)
    limits, rates = _priced(policy, many, caps, outcomes)
    by_offers = np.zeros(len(many), np.int8)
    if terms.offers is not None and many.evidence:
        asked = (at for at in np.flatnonzero(outcomes == APPROVE).tolist() if at not in many.apart)
        for at in asked:
            left = offering(many.evidence[at], terms.offers, float(many.pds[at]), LOW)
            by_offers[at] = outcomes[at] = left.outcome.severity
            limits[at], rates[at] = (left.offer.limit, left.offer.apr) if left.offer else (np.nan, np.nan)
    made = ManyDecided(outcomes, found, by_rule, verdicts, said, by_offers, limits, rates)
    _one_by_one(many, terms, made)
    return made


def _found(policy: Policy, many: Many) -> Codes:
    """What each rule found; one that is not in force on the day of receipt passes."""
    if not any(rule.since or rule.until for rule in policy.rules):
        return policy.judge_columns(many.columns, len(many))[1]
    found = np.full((len(policy.rules), len(many)), Found.PASSES, np.int8)
    place = {id(rule): at for at, rule in enumerate(policy.rules)}
    for day in np.unique(many.days):
        rows = np.flatnonzero(many.days == day)
        some = {name: column[rows] for name, column in many.columns.items()}
        rules, codes = policy.judge_columns(some, len(rows), day.item())
        for rule, of_rule in zip(rules, codes, strict=True):
            found[place[id(rule)], rows] = of_rule
    return found


def _by_rule(policy: Policy, found: Codes) -> Codes:
    follows = np.empty_like(found)
    for at, rule in enumerate(policy.rules):
        by_code = np.array([APPROVE, rule.effect.severity, rule.unknown.severity], np.int8)
        follows[at] = by_code[found[at]]
    return follows


def _verdicts(many: Many, approve_below: Floats, decline_above: Floats) -> tuple[Codes, Codes]:
    pds = many.pds
    no_score = np.isnan(pds)
    verdicts = np.where(pds < approve_below, APPROVE, np.where(pds > decline_above, DECLINE, REFER)).astype(np.int8)
    verdicts[no_score | many.unread] = REFER
    said = np.where(no_score, Said.NO_SCORE, np.where(many.unread, Said.INPUT_UNKNOWN, Said.BAND)).astype(np.int8)
    return verdicts, said


def _priced(policy: Policy, many: Many, caps: Floats, outcomes: Codes) -> tuple[Floats, Floats]:
    """The amount asked for, no more than the cap, at the price of the PD's tier, of those who are approved."""
    approved = outcomes == APPROVE
    limits = np.where(approved, np.minimum(many.amounts, caps), np.nan)
    if not policy.prices:
        return limits, np.full(len(many), np.nan)
    tiers = np.array([tier.pd_below for tier in policy.prices])
    prices = np.array([tier.apr for tier in policy.prices])
    tier = np.minimum(np.searchsorted(tiers, np.nan_to_num(many.pds), side="right"), len(tiers) - 1)
    return limits, np.where(approved, prices[tier], np.nan)


def _one_by_one(many: Many, terms: Terms, made: ManyDecided) -> None:
    place = {id(rule): at for at, rule in enumerate(terms.policy.rules)}
    for at, evidence in many.apart.items():
        decision = decide(evidence, terms, None)
        offer = decision.offer
        made.outcomes[at] = decision.outcome.severity
        made.limits[at], made.rates[at] = (offer.limit, offer.apr) if offer else (np.nan, np.nan)
        made.found[:, at], made.by_rule[:, at] = Found.PASSES, APPROVE
        for result in decision.rules:
            row = place[id(result.rule)]
            made.found[row, at] = Found.UNKNOWN if result.hit is None else Found.HITS if result.hit else Found.PASSES
            made.by_rule[row, at] = result.outcome.severity
        # An earlier score approves in its band, and refers what is left.
        made.verdicts[at] = APPROVE if decision.band == LOW else REFER
        if decision.offered is not None:
            made.by_offers[at] = decision.outcome.severity
