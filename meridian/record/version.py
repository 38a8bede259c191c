"""A version: one decision about one application, as it is stored and as it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from meridian.decision import Decision
from meridian.evidence import Evidence, canonical_json
from meridian.offers import cents
from meridian.outcome import Outcome, Stage
from meridian.policy.bands import offered_in
from meridian.record.rows import Field, Kind, Leaf, content_sha256, microseconds, text_sha256


class Exposure(NamedTuple):
    """What an approval adds to what is lent in a band, in cents; `month` is the first day of its month (UTC)."""

    band: str
    month: date
    cents: int


@dataclass(frozen=True)
class Version:
    """One row of the append-only record.

    `number` counts an application's versions from 1. A version with a `governs_because` governs from its
    insertion on, until a later one does: the pointer moves by inserting alone. `model_sha256` is the model
    in hand, None where there was none; `document` is the answer as it was given.
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
    governs_because: str | None
    document: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """The document's canonical text: what is stored, and what the caller was answered."""
        return canonical_json(self.document).decode()

    @property
    def exposure(self) -> Exposure | None:
        """What it adds where it governs, approves and is of a product with offers: the first of those shown."""
        shown = self.document.get("offers", {}).get("shown", ())
        if self.governs_because is None or self.outcome is not Outcome.APPROVE or not shown:
            return None
        score = self.document["score"]
        band = offered_in(score["band"] if score else None)
        month = self.decided_at.astimezone(UTC).date().replace(day=1)
        return Exposure(band, month, cents("limit", Decimal(shown[0]["limit"])))

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its columns, as they are hashed."""
        return (
            str(self.id),
            str(self.application_id),
            self.number,
            str(self.evidence_id),
            self.stage.value,
            self.outcome.value,
            self.pd,
            self.model_sha256,
            self.policy_version,
            microseconds(self.decided_at),
            self.decided_by,
            self.governs_because,
            text_sha256(self.text),
        )

    @cached_property
    def leaf(self) -> Leaf:
        """Its place in the ledger."""
        return Leaf(Kind.VERSION, self.id, content_sha256(Kind.VERSION, self.fields))

    def shown(self, *, governs: bool) -> dict[str, Any]:
        """The version as the API answers it now."""
        return {**self.document, "governs": governs}


def version_of(
    decision: Mapping[str, Any],
    *,
    version_id: UUID,
    application_id: UUID,
    application_ref: str,
    number: int,
    evidence: Evidence,
    evidence_id: UUID,
    stage: Stage,
    pd: float | None,
    model_sha256: str | None,
    decided_at: datetime,
    decided_by: str,
    governs_because: str | None,
    timings_ms: Mapping[str, float],
) -> Version:
    """The version that a decision makes: `decision` is `Decision.document()`, or a review's in the same shape."""
    return Version(
        id=version_id,
        application_id=application_id,
        number=number,
        evidence_id=evidence_id,
        stage=stage,
        outcome=Outcome(decision["outcome"]),
        pd=pd,
        model_sha256=model_sha256,
        policy_version=decision["policy"]["version"],
        decided_at=decided_at,
        decided_by=decided_by,
        governs_because=governs_because,
        document={
            "id": str(version_id),
            "application_ref": application_ref,
            "product": evidence.document["request"]["product"],
            "stage": stage.value,
            **decision,
            "evidence": {"rung": int(evidence.rung), "sources": list(evidence.sources), "hash": evidence.sha256},
            "decided_at": decided_at.isoformat(),
            "decided_by": decided_by,
            "governs": governs_because is not None,
            "timings_ms": dict(timings_ms),
            "links": {
                "self": f"/v1/decisions/{version_id}",
                "application": f"/v1/applications/{application_ref}",
            },
        },
    )


def judged(decision: Decision) -> dict[str, Any]:
    """What `version_of` takes of a decision that a model and the policy made."""
    return {
        "decision": decision.document(),
        "pd": decision.score.pd if decision.score else None,
        "model_sha256": decision.model_sha256,
    }
