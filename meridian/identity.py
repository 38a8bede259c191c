"""Ids that rise with time, so that an index grows at its end and a page of rows has an order (RFC 9562, version 7)."""

from __future__ import annotations

import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """A version 7 UUID: 48 bits of milliseconds since 1970, the rest random."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value &= ~(0xF << 76) & ~(0x3 << 62)
    return uuid.UUID(int=value | 0x7 << 76 | 0x2 << 62)
