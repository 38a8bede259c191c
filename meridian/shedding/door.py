"""What stands before the door: just enough of HTTP/1 to tell a request that may be refused, and where it ends.

Whatever is not plain is `OTHER` and let in: the server's own parser has the last word on everything. Were the two to
differ on where a request ends, what is left of one would be read as the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

LONGEST = 16 * 1024
"""An application is a few kilobytes."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,5})\r\n")
_CLOSE = re.compile(rb"\r\nconnection:[^\r]*close")
_VERSIONS = {b"1.1": False, b"1.0": True}
"""After which the connection is closed unless somebody asks otherwise."""


@dataclass(frozen=True)
class Refusal:
    """What is refused, when, and how: the whole answer, for a connection that is kept and for one that is closed."""

    target: bytes
    """Method and path, e.g. `POST /v1/decisions`."""
    budget_s: float
    """From a request's arrival."""
    enough_s: float
    """What of it is enough for one that is hurried."""
    keeping: bytes
    closing: bytes
    note: Callable[[], None]
    """Counts one."""


class Kind(Enum):
    """What it is."""

    REFUSABLE = auto()
    PARTIAL = auto()
    """It begins like one, and not all of it has arrived."""
    OTHER = auto()


@dataclass(frozen=True)
class Seen:
    """What was seen of a request; `length` in bytes and `last` (the caller closes after it) of a `REFUSABLE` one."""

    kind: Kind
    length: int = 0
    last: bool = True


def look(data: bytes, target: bytes) -> Seen:
    """Judge what has arrived on a connection so far; `target` is method and path, e.g. `POST /v1/decisions`."""
    start = target + b" HTTP/"
    if not data.startswith(start):
        return Seen(Kind.PARTIAL if start.startswith(data) else Kind.OTHER)
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return Seen(_unfinished(data))
    head = data[: end + 2].lower()
    length, last = _LENGTH.search(head), _VERSIONS.get(data[len(start) : len(start) + 3])
    if length is None or last is None or _odd(head):
        return Seen(Kind.OTHER)
    whole = end + 4 + int(length[1])
    if len(data) < whole:
        return Seen(_unfinished(data) if whole <= LONGEST else Kind.OTHER)
    if len(data) > whole:
        # The next request came with it; both are the server's.
        return Seen(Kind.OTHER)
    return Seen(Kind.REFUSABLE, whole, last or bool(_CLOSE.search(head)))


def _unfinished(data: bytes) -> Kind:
    return Kind.PARTIAL if len(data) < LONGEST else Kind.OTHER


def _odd(head: bytes) -> bool:
    """Whether there is any doubt about where the body ends, or the caller waits to be asked for it."""
    lines = head.count(b"\r\n")
    return (
        head.count(b"content-length") != 1
        or b"transfer-encoding" in head
        or b"\r\nexpect" in head
        or b"\r\nupgrade" in head
        or head.count(b"\n") != lines
        or head.count(b"\r") != lines
        or b"\0" in head
    )
