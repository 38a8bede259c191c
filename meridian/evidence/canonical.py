"""One text for one document: RFC 8785 (JSON Canonicalization Scheme), and its SHA-256."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical_json(document: Any) -> bytes:
    """The document's canonical bytes. Raises `rfc8785.CanonicalizationError` for NaN and Infinity."""
    return rfc8785.dumps(document)


def sha256_of(document: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_json(document)).hexdigest()
