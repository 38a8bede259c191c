"""What a decision can come to, and which outcome prevails when several are reached."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """Approve, refer to a person, or decline."""

    APPROVE = "approve"
    REFER = "refer"
    DECLINE = "decline"

    @property
    def severity(self) -> int:
        """Position in the order approve < refer < decline."""
        return _SEVERITY[self]

    @classmethod
    def worst(cls, outcomes: Iterable[Outcome]) -> Outcome:
        """The outcome that prevails: decline over refer over approve; approve where nothing speaks against it."""
        return max(outcomes, key=lambda outcome: outcome.severity, default=cls.APPROVE)


# Asked for each rule of each decision: to look for the place every time takes a tenth of the decision.
_SEVERITY = {outcome: place for place, outcome in enumerate(Outcome)}


class Stage(StrEnum):
    """Which part of the service made a version of the decision."""

    FAST = "fast"
    BATCH = "batch"
    REVIEW = "review"
    CORRECTION = "correction"
    REDECISION = "redecision"
    """Made again by the fast part, after an outage, on what its sources then said."""
