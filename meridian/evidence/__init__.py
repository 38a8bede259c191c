"""Evidence: what was known, from where, how old, when a decision was made. Frozen, canonical, hashed."""

from meridian.evidence.canonical import canonical_json, sha256_of
from meridian.evidence.capture import (
    FORM,
    Evidence,
    Rung,
    SourceReading,
    SourceStatus,
    absent_of,
    capture,
    features_of,
    unanswered_of,
)
from meridian.evidence.pre_computed import PreComputed

__all__ = [
    "FORM",
    "Evidence",
    "PreComputed",
    "Rung",
    "SourceReading",
    "SourceStatus",
    "absent_of",
    "canonical_json",
    "capture",
    "features_of",
    "sha256_of",
    "unanswered_of",
]
