"""One text for one document: RFC 8785 (JSON Canonicalization Scheme), and its SHA-256."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import rfc8785


def canonical_json(document: Any) -> bytes:
    """The document's canonical bytes. Raises `rfc8785.CanonicalizationError` for NaN and Infinity."""
    try:
        return rfc8785.dumps(document)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_as_doubles(document))


def sha256_of(document: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


def _as_doubles(value: Any) -> Any:
    """The document with its large integers as the doubles they were: PostgreSQL gives 1e16 back as 10000000000000000.

    An integer that no double is written as stays, and is refused.
    """
    if isinstance(value, dict):
        return {key: _as_doubles(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_doubles(one) for one in value]
    if isinstance(value, int) and abs(value) >= 2**53 and Decimal(repr(float(value))) == value:
        return float(value)
    return value
