"""One text for one document: RFC 8785 (JSON Canonicalization Scheme), and its SHA-256."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import rfc8785

EXACT = 2**53
"""Beyond it a double no longer holds every integer, and the canonical form has rules of its own."""


class _Exotic(Exception):
    """A value that the fast way does not write as RFC 8785 asks."""


def canonical_json(document: Any) -> bytes:
    """The document's canonical bytes. Raises `rfc8785.CanonicalizationError` for NaN and Infinity.

    Most documents are written by the standard library's encoder, ten times faster than the reference
    implementation, which gets whatever the two could write differently; a property test holds them equal.
    """
    try:
        return _ENCODER.encode(_plain(document)).encode()
    except _Exotic:
        pass
    try:
        return rfc8785.dumps(document)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_as_doubles(document))


def sha256_of(document: Any) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def _plain(value: Any) -> Any:
    """The document in types that the standard encoder writes canonically; raises `_Exotic` where it would not."""
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is float:
        return _number(value)
    if kind is dict:
        return {_text(key): _plain(one) for key, one in value.items()}
    if kind is list or kind is tuple:
        return [_plain(one) for one in value]
    if value is None or kind is bool or (kind is int and -EXACT < value < EXACT):
        return value
    raise _Exotic


def _text(value: Any) -> str:
    # Beyond the basic plane the order of keys is that of UTF-16; a lone surrogate is an error.
    if type(value) is str and (value.isascii() or max(value) < "\ud800"):
        return value
    raise _Exotic


def _number(value: float) -> float | int:
    if value.is_integer() and -EXACT < value < EXACT:
        return int(value)
    # Between these bounds Python writes a double as ECMAScript does: the shortest digits, and no exponent.
    if 1e-4 <= abs(value) < 1e15:
        return value
    raise _Exotic


def _as_doubles(value: Any) -> Any:
    """The document with its large integers as the doubles they were: PostgreSQL gives 1e16 back as 10000000000000000.

    An integer that no double is written as stays, and is refused.
    """
    if isinstance(value, dict):
        return {key: _as_doubles(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_doubles(one) for one in value]
    if isinstance(value, int) and abs(value) >= EXACT and Decimal(repr(float(value))) == value:
        return float(value)
    return value
