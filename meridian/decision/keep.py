"""What is kept of an assessment: its score, for when a source is away and the applicant comes again."""

from __future__ import annotations

from datetime import datetime

from meridian.decision.decide import Decision
from meridian.evidence import Evidence, PreComputed, Rung
from meridian.policy import Policy
from meridian.scoring import Scorer


def score_to_keep(evidence: Evidence, decision: Decision, scorer: Scorer, policy: Policy) -> PreComputed | None:
    """The score of a decision that `scorer` made of this evidence; None where it may not stand in for another.

    A score made on gaps is no ground to stand on: no source may have been away, and no input unknown. Nor is one kept
    that nobody would read: the policy has no terms for it, or the application no amount that it holds up to.
    """
    amount = evidence.application.get("amount")
    if policy.pre_computed is None or amount is None or decision.score is None:
        return None
    if evidence.rung > Rung.STALE or evidence.unknown_sources(scorer.features):
        return None
    known = {name: value for values in evidence.document["features"].values() for name, value in values.items()}
    return PreComputed(
        scored_at=datetime.fromisoformat(evidence.document["received_at"]),
        pd=decision.score.pd,
        points=decision.score.points,
        model=scorer.name,
        model_sha256=scorer.sha256,
        evidence_sha256=evidence.sha256,
        values={field: known[field] for field in sorted(policy.fields) if field in known},
        amount=amount,
    )
