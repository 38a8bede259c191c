"""The record: rows that are added and never changed, each hashed; and the seals that prove it."""

from meridian.record.rows import Application, EvidenceRow, Kind, Leaf, PolicyRow
from meridian.record.version import Exposure, Version, judged, version_of

__all__ = ["Application", "EvidenceRow", "Exposure", "Kind", "Leaf", "PolicyRow", "Version", "judged", "version_of"]
