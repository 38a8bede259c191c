"""One pure function decides: the fast answer, the assessment and a replay all call it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meridian.decision.offering import offering
from meridian.decision.terms import Terms
from meridian.evidence import Evidence, PreComputed, Rung, SourceStatus
from meridian.offers import Offered
from meridian.outcome import Outcome
from meridian.policy import Bands, Offer, RuleResult
from meridian.reasons import Reason, principal
from meridian.scoring import Score, Scorer


@dataclass(frozen=True)
class Decision:
    """What was decided, by what, and why.

    `model_sha256` is the model in hand, also where it could not score; where an earlier score stands in, it is the
    model that made that one, and `scored_at` says when.
    """

    outcome: Outcome
    score: Score | None
    band: str | None
    model: str | None
    model_sha256: str | None
    policy_version: str
    rules: tuple[RuleResult, ...]
    reasons: tuple[Reason, ...]
    offer: Offer | None
    offered: Offered | None = None
    scored_at: datetime | None = None

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
                **({"scored_at": self.scored_at.isoformat()} if self.scored_at else {}),
            }
        return {
            "outcome": self.outcome.value,
            "score": score,
            "policy": {"version": self.policy_version, "results": [rule.document() for rule in self.rules]},
            "reasons": [reason.document() for reason in self.reasons],
            "offer": self.offer.document() if self.offer else None,
            **({"offers": self.offered.document()} if self.offered else {}),
        }


def decide(evidence: Evidence, terms: Terms, scorer: Scorer | None, scored: Score | None = None) -> Decision:
    """Decide from the evidence alone. `scored` is what the scorer says of it, where many were scored at once.

    The outcome is the worst of what the rules and the band lead to: a knock-out declines whatever the
    score, a score above the grey band declines whatever the referrals. Without a model, or without a
    source that it reads, what no rule declines is referred, for the terms' `no_score_reason`. So is what the score
    would approve or decline while an input of the model is not known, for the reason that
    the terms have for its source: what is left out can neither buy an approval nor cost one. Bands and limit are those
    of the rung that the evidence was captured on, and of the applicant's segment; the rules are those in force on the
    day of receipt, in UTC.
    Where the evidence has an earlier score and there is no model in hand, that score decides, and rules whose source is
    away are held against what was known then. A model in hand goes by the present evidence alone, as in an assessment.
    Where the terms have offers, whoever would be approved is offered what the funnel leaves: see `offering`.
    Reasons come from what decided: for a knock-out the knock-outs, for a decline by score the score, for
    a referral both.
    """
    policy = terms.policy
    earlier = evidence.pre_computed if scorer is None else None
    present = {**evidence.features, **policy.derive(evidence.document)}
    day = datetime.fromisoformat(evidence.document["received_at"]).astimezone(UTC).date()
    then = _known_then(earlier, evidence) if earlier else {}
    rules = policy.judge(present, then, day)
    step = policy.at(evidence.rung, present)
    score = Score(earlier.pd, earlier.points, {}) if earlier else _score(scorer, evidence, scored)
    verdict = (
        _by_earlier(earlier, step.bands, evidence, terms)
        if earlier
        else _verdict(score, step.bands, scorer, evidence, terms)
    )
    outcome = Outcome.worst([*(rule.outcome for rule in rules), verdict.outcome])
    reasons = _why(outcome, _of_rules(rules, outcome, evidence, terms), verdict)
    offer, left = None, None
    if score and outcome is Outcome.APPROVE and terms.offers:
        left = offering(evidence, terms.offers, score.pd, step.bands.band(score.pd), then)
        outcome, offer = left.outcome, left.offer
        reasons = principal(terms.reasons.of_codes(left.codes))
    elif score and outcome is Outcome.APPROVE:
        offer = policy.offer(evidence.application, score.pd, evidence.rung, present)
    model, model_sha256 = _model(scorer, earlier)
    return Decision(
        outcome=outcome,
        score=score,
        band=step.bands.band(score.pd) if score else None,
        model=model,
        model_sha256=model_sha256,
        policy_version=terms.version,
        rules=rules,
        reasons=reasons,
        offer=offer,
        offered=left.offered if left else None,
        scored_at=earlier.scored_at if earlier else None,
    )


def _score(scorer: Scorer | None, evidence: Evidence, scored: Score | None) -> Score | None:
    if scorer is None or evidence.absent_sources(scorer.features):
        return None
    return scored or scorer.score(evidence.features)


def _model(scorer: Scorer | None, earlier: PreComputed | None) -> tuple[str | None, str | None]:
    """Name and hash of the model that scored, or would have."""
    if earlier is not None:
        return earlier.model, earlier.model_sha256
    return (scorer.name, scorer.sha256) if scorer else (None, None)


def _known_then(earlier: PreComputed, evidence: Evidence) -> dict[str, float]:
    """The earlier values of what is away; what a source that answers does not know is not to be had from before."""
    away = set(evidence.absent_sources(earlier.values)) - evidence.without_file
    return {
        name: value for name, value in earlier.values.items() if value is not None and evidence.source_of(name) in away
    }


@dataclass(frozen=True)
class _Verdict:
    """What the score alone leads to, and its reasons."""

    outcome: Outcome
    reasons: list[Reason]


def _verdict(score: Score | None, bands: Bands, scorer: Scorer | None, evidence: Evidence, terms: Terms) -> _Verdict:
    if score is None or scorer is None:
        return _Verdict(Outcome.REFER, terms.reasons.of_codes([terms.no_score_reason]))
    by_band = bands.outcome(score.pd)
    harm = [] if by_band is Outcome.APPROVE else terms.reasons.of_score(score, _instead(evidence, terms))
    if by_band is Outcome.REFER and evidence.rung > Rung.STALE:
        # With all that was wanted it might have been settled: what could not be had speaks first.
        harm = _wanting(evidence, terms) + harm
    silent = evidence.unknown_sources(scorer.features)
    if not silent:
        return _Verdict(by_band, harm)
    unknown = terms.reasons.of_codes(_unknown_code(source, evidence, terms) for source in silent)
    return _Verdict(Outcome.REFER, unknown + harm if by_band is Outcome.REFER else unknown)


def _by_earlier(earlier: PreComputed, bands: Bands, evidence: Evidence, terms: Terms) -> _Verdict:
    """What an earlier score leads to: it approves in its narrower band, and declines nobody.

    It gives no reasons of its own: what speaks against an approval is that the present sources could not be had.
    """
    if bands.outcome(earlier.pd) is Outcome.APPROVE:
        return _Verdict(Outcome.APPROVE, [])
    return _Verdict(Outcome.REFER, _wanting(evidence, terms))


def _instead(evidence: Evidence, terms: Terms) -> dict[str, str]:
    """The code for each feature that stands at its default because its source has nothing on this applicant."""
    silent = {source["name"] for source in evidence.sources if source["status"] == SourceStatus.NOTHING}
    return {
        name: terms.nothing_reasons[source]
        for source, names in evidence.defaults.items()
        if source in silent and source in terms.nothing_reasons
        for name in names
    }


def _wanting(evidence: Evidence, terms: Terms) -> list[Reason]:
    """Why a score was made without all that it is made from otherwise."""
    absent = [
        source["name"]
        for source in evidence.sources
        if not SourceStatus(source["status"]).usable and source["name"] in terms.unknown_reasons
    ]
    codes = [_unknown_code(source, evidence, terms) for source in absent]
    return terms.reasons.of_codes(codes or [terms.no_score_reason])


def _unknown_code(source: str, evidence: Evidence, terms: Terms) -> str:
    """The code for what a source leaves unknown: that it failed for now is another thing than that it has nothing."""
    failed = terms.failed_reasons.get(source) if source in evidence.failed_sources else None
    return failed or terms.unknown_reasons[source]


def _of_rules(rules: tuple[RuleResult, ...], outcome: Outcome, evidence: Evidence, terms: Terms) -> list[Reason]:
    """The reasons of the rules that led to the outcome."""
    return terms.reasons.of_codes(
        _rule_code(rule, evidence, terms) for rule in rules if rule.outcome is outcome and rule.reason
    )


def _rule_code(rule: RuleResult, evidence: Evidence, terms: Terms) -> str:
    source = None if rule.known else evidence.source_of(rule.wanting)
    failed = terms.failed_reasons.get(source or "") if source in evidence.failed_sources else None
    return failed or str(rule.reason)


def _why(outcome: Outcome, of_rules: list[Reason], verdict: _Verdict) -> tuple[Reason, ...]:
    if outcome is Outcome.APPROVE:
        return ()
    # Only what led to this very outcome speaks: a referral does not explain a decline.
    return principal(of_rules, verdict.reasons if verdict.outcome is outcome else [])
