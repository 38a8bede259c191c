"""The record: versions of decisions, append-only, each naming its evidence; and how one is written as JSON."""

from meridian.record.version import Version, version_document, version_of

__all__ = ["Version", "version_document", "version_of"]
