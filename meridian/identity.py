"""Ids that rise with time, so that an index grows at its end and a page of rows has an order (RFC 9562, version 7)."""

from __future__ import annotations

import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta


def new_id() -> uuid.UUID:
    """A version 7 UUID: 48 bits of milliseconds since 1970, 12 of the fraction of a millisecond, the rest random.

    The fraction (RFC 9562, 6.2, method 3: steps of 244 ns) keeps the ids of one process in their order.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | secrets.randbits(62))


def moment_of(made: uuid.UUID) -> datetime:
    """When an id of `new_id` was made, to the millisecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80)


def lowest_id(moment: datetime, shift: timedelta = timedelta()) -> uuid.UUID:
    """The id below which all lie that were made before a moment, moved by `shift`."""
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC) + shift) // timedelta(milliseconds=1)
    return uuid.UUID(int=max(0, milliseconds) << 80)
