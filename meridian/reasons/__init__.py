"""Reasons: why not an approval. From the component that decided, specific, at most four, frozen with the decision."""

from meridian.reasons.curing import Cured, cited, cure
from meridian.reasons.selection import INSUFFICIENT, MOST_REASONS, Reason, ReasonCode, Reasons, ReasonSource, principal

__all__ = [
    "INSUFFICIENT",
    "MOST_REASONS",
    "Cured",
    "Reason",
    "ReasonCode",
    "ReasonSource",
    "Reasons",
    "cited",
    "cure",
    "principal",
]
