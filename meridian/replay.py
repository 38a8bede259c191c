"""Replay: a recorded decision made again, from what is recorded alone; or the difference, and why there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from meridian.decision import Terms, decide
from meridian.evidence import Evidence, Rung, canonical_json
from meridian.outcome import Stage
from meridian.scoring import Scorer

COMPARED = ("outcome", "score", "policy", "reasons", "offer", "offers")
MADE_BY_MACHINE = (Stage.FAST, Stage.BATCH, Stage.REDECISION)


class Cause(StrEnum):
    """Why a replay is not the decision."""

    EVIDENCE_CHANGED = "the stored evidence is not the one whose hash the decision names"
    POLICY_MISSING = "the policy is not in the record"
    POLICY_CHANGED = "the stored policy is not the one whose hash its version names"
    MODEL_MISSING = "no file of the model with that hash is kept here: it is missing, or was changed"
    CODE_CHANGED = "the code that decides was changed since"
    UNEXPLAINED = "evidence, policy, model and code are the same: the decision itself was changed, or the platform was"


@dataclass(frozen=True)
class Recorded:
    """What the record has of a decision that a model and a policy made.

    `policy_text` is None where the policy is not there; `code` is the version of the code that decided.
    """

    decision_id: str
    document: Mapping[str, Any]
    evidence: Evidence
    policy_version: str
    policy_text: str | None
    model_sha256: str | None
    code: str

    @property
    def by_earlier_score(self) -> bool:
        """Whether a pre-computed score decided: it stands in the evidence, and its model is not asked again."""
        return self.evidence.rung is Rung.PRE_COMPUTED and self.document["stage"] != Stage.BATCH


@dataclass(frozen=True)
class Difference:
    """One part that differs: as it was recorded, and as it comes out now, in canonical JSON."""

    part: str
    recorded: str
    replayed: str


@dataclass(frozen=True)
class Replay:
    """What came of a replay: exact, or not and why. Without evidence, policy or model there is nothing to compare."""

    decision_id: str
    cause: Cause | None
    detail: str
    differences: tuple[Difference, ...] = ()

    @property
    def exact(self) -> bool:
        """The same outcome, PD, points, reasons and offer, byte for byte."""
        return self.cause is None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "decision_id": self.decision_id,
            "exact": self.exact,
            "cause": self.cause.name.lower() if self.cause else None,
            "detail": self.detail,
            "differences": [vars(difference) for difference in self.differences],
        }


def replay(recorded: Recorded, scorer: Scorer | None, code: str) -> Replay:
    """Decide again from the recorded evidence, with the recorded policy and its model, and compare.

    `scorer` is the model of the recorded hash, None where it could not be had; `code` the version that runs now.
    """
    if recorded.evidence.sha256 != recorded.document["evidence"]["hash"]:
        return _not(recorded, Cause.EVIDENCE_CHANGED, recorded.evidence.sha256)
    if recorded.policy_text is None:
        return _not(recorded, Cause.POLICY_MISSING, recorded.policy_version)
    terms = Terms.from_text(recorded.policy_text)
    if terms.version != recorded.policy_version:
        return _not(recorded, Cause.POLICY_CHANGED, f"{recorded.policy_version} is now {terms.version}")
    if recorded.by_earlier_score:
        scorer = None
    elif recorded.model_sha256 is not None and (scorer is None or scorer.sha256 != recorded.model_sha256):
        return _not(recorded, Cause.MODEL_MISSING, recorded.model_sha256)
    again = decide(recorded.evidence, terms, scorer).document()
    differences = tuple(
        Difference(part, before, after)
        for part in COMPARED
        if (before := _text(recorded.document.get(part))) != (after := _text(again.get(part)))
    )
    if not differences:
        return Replay(recorded.decision_id, None, "")
    if code != recorded.code:
        detail = f"decided by {recorded.code}, replayed by {code}"
        return Replay(recorded.decision_id, Cause.CODE_CHANGED, detail, differences)
    return Replay(recorded.decision_id, Cause.UNEXPLAINED, f"code {code}", differences)


def _not(recorded: Recorded, cause: Cause, detail: str) -> Replay:
    return Replay(recorded.decision_id, cause, detail)


def _text(part: Any) -> str:
    return canonical_json(part).decode()
