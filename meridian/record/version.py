"""A version: one decision about one application, as it is stored and as it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from meridian.decision import Decision
from meridian.evidence import Evidence
from meridian.outcome import Outcome, Stage


@dataclass(frozen=True)
class Version:
    """One row of the append-only record.

    `number` counts an application's versions from 1; `document` is what callers see, less the two things
    that are not frozen with it: whether it governs, and links.
    """

    id: UUID
    application_id: UUID
    number: int
    evidence_id: UUID
    stage: Stage
    outcome: Outcome
    pd: float | None
    model_sha256: str | None
    policy_version: str
    decided_at: datetime
    decided_by: str
    document: Mapping[str, Any]

    def shown(self, *, governs: bool) -> dict[str, Any]:
        """The version as the API answers it."""
        links = {
            "self": f"/v1/decisions/{self.id}",
            "application": f"/v1/applications/{self.document['application_ref']}",
        }
        return {**self.document, "governs": governs, "links": links}


def version_document(
    *,
    version_id: UUID,
    application_ref: str,
    stage: Stage,
    decision: Mapping[str, Any],
    evidence: Evidence,
    decided_at: datetime,
    decided_by: str,
    timings_ms: Mapping[str, float],
) -> dict[str, Any]:
    """The JSON of a version. `decision` is `Decision.document()`, or a review's in the same shape."""
    return {
        "id": str(version_id),
        "application_ref": application_ref,
        "product": evidence.document["request"]["product"],
        "stage": stage.value,
        **decision,
        "evidence": {"rung": int(evidence.rung), "sources": list(evidence.sources), "hash": evidence.sha256},
        "decided_at": decided_at.isoformat(),
        "decided_by": decided_by,
        "timings_ms": dict(timings_ms),
    }


def version_of(
    decision: Decision,
    *,
    version_id: UUID,
    application_id: UUID,
    application_ref: str,
    number: int,
    evidence: Evidence,
    evidence_id: UUID,
    stage: Stage,
    decided_at: datetime,
    decided_by: str,
    timings_ms: Mapping[str, float],
) -> Version:
    """The version that a model and the policy made."""
    return Version(
        id=version_id,
        application_id=application_id,
        number=number,
        evidence_id=evidence_id,
        stage=stage,
        outcome=decision.outcome,
        pd=decision.score.pd if decision.score else None,
        model_sha256=decision.model_sha256,
        policy_version=decision.policy_version,
        decided_at=decided_at,
        decided_by=decided_by,
        document=version_document(
            version_id=version_id,
            application_ref=application_ref,
            stage=stage,
            decision=decision.document(),
            evidence=evidence,
            decided_at=decided_at,
            decided_by=decided_by,
            timings_ms=timings_ms,
        ),
    )
