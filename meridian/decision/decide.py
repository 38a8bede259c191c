"""One pure function decides: the fast answer, the assessment and a replay all call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meridian.evidence import Evidence, Rung
from meridian.outcome import Outcome
from meridian.policy import Bands, Offer, Policy, RuleResult
from meridian.reasons import Reason, Reasons, principal
from meridian.scoring import Score, Scorer

Pricing = Callable[[Evidence, float], Offer]
"""(evidence, PD) -> the offer that goes with an approval."""


@dataclass(frozen=True)
class Decision:
    """What was decided, by what, and why."""

    outcome: Outcome
    score: Score | None
    band: str | None
    model: str | None
    model_sha256: str | None
    policy_version: str
    rules: tuple[RuleResult, ...]
    reasons: tuple[Reason, ...]
    offer: Offer | None

    def document(self) -> dict[str, Any]:
        """The decision as JSON values; see DESIGN 'A decision's JSON' for the meaning of each."""
        score = None
        if self.score is not None:
            score = {
                "pd": round(self.score.pd, 8),
                "points": self.score.points,
                "band": self.band,
                "model": self.model,
                "model_sha256": self.model_sha256,
            }
        return {
            "outcome": self.outcome.value,
            "score": score,
            "policy": {"version": self.policy_version, "results": [rule.document() for rule in self.rules]},
            "reasons": [reason.document() for reason in self.reasons],
            "offer": self.offer.document() if self.offer else None,
        }


def decide(
    evidence: Evidence,
    *,
    policy: Policy,
    bands: Bands,
    scorer: Scorer | None,
    reasons: Reasons,
    no_score_reason: str,
    pricing: Pricing,
) -> Decision:
    """Decide from the evidence alone.

    The outcome is the worst of what the rules and the band lead to: a knock-out declines whatever the
    score, a score above the grey band declines whatever the referrals. Without a usable model (rung 4)
    what no rule declines is referred, for `no_score_reason`. Reasons come from what decided: for a
    knock-out the knock-outs, for a decline by score the score, for a referral both.
    """
    values = {**evidence.features, **policy.derived(evidence.document)}
    rules = policy.judge(values)
    score = None if scorer is None or evidence.rung is Rung.POLICY_ONLY else scorer.score(evidence.features)
    by_rules = Outcome.worst(rule.outcome for rule in rules)
    by_score = bands.outcome(score.pd) if score else Outcome.REFER
    outcome = Outcome.worst([by_rules, by_score])
    return Decision(
        outcome=outcome,
        score=score,
        band=bands.band(score.pd) if score else None,
        model=scorer.name if scorer and score else None,
        model_sha256=scorer.sha256 if scorer and score else None,
        policy_version=policy.version,
        rules=rules,
        reasons=_why(outcome, by_score, rules, score, reasons, no_score_reason),
        offer=pricing(evidence, score.pd) if score and outcome is Outcome.APPROVE else None,
    )


def _why(
    outcome: Outcome,
    by_score: Outcome,
    rules: tuple[RuleResult, ...],
    score: Score | None,
    reasons: Reasons,
    no_score_reason: str,
) -> tuple[Reason, ...]:
    if outcome is Outcome.APPROVE:
        return ()
    # Only what led to this very outcome speaks: a referral does not explain a decline.
    rule_codes = [rule.reason for rule in rules if rule.outcome is outcome and rule.reason]
    from_rules = reasons.of_policy(rule_codes)
    if by_score is not outcome:
        return principal(from_rules)
    from_score = reasons.of_score(score) if score else reasons.of_policy([no_score_reason])
    return principal(from_rules, from_score)
