"""A pre-computed score: what the last assessment said of an applicant, for when a source is away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class PreComputed:
    """The score of an earlier application of the same applicant for the same product.

    `scored_at` is when the evidence that was scored had been captured: a score is as old as what it was made from.
    `values` has the features that the policy's rules read, None where one was not known; `amount` is what was asked
    for then. `model` and `model_sha256` name the model, `evidence_sha256` the evidence.
    """

    scored_at: datetime
    pd: float
    points: int
    model: str
    model_sha256: str
    evidence_sha256: str
    values: Mapping[str, float | None]
    amount: float

    def holds(self, amount: float, now: datetime, valid_for: timedelta) -> bool:
        """Whether it may stand in at `now`, for that amount: a larger one was never assessed."""
        return timedelta(0) <= now - self.scored_at <= valid_for and amount <= self.amount

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "scored_at": self.scored_at.isoformat(), "values": dict(self.values)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PreComputed:
        """The score as it was written."""
        return cls(**{**document, "scored_at": datetime.fromisoformat(document["scored_at"])})
