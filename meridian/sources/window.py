"""How recent calls went, by time and in bounded memory: a source that is called ten times as often costs no more."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

BUCKETS = 10


@dataclass(frozen=True)
class Counts:
    """Of so many calls, how many failed and how many were slow."""

    calls: int = 0
    failed: int = 0
    slow: int = 0


class Window:
    """Calls of the last `seconds`, in ten buckets: what it forgets, it forgets a tenth at a time. Not thread-safe."""

    def __init__(self, seconds: float):
        self._bucket_s = seconds / BUCKETS
        self._buckets: dict[int, Counts] = {}

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        """Note a call that ended at `now`, of a clock that does not run backwards."""
        at = self._bucket(now)
        was = self._buckets.get(at, Counts())
        self._buckets[at] = Counts(was.calls + 1, was.failed + failed, was.slow + slow)
        self._forget(at)

    def counts(self, now: float) -> Counts:
        """The sums at `now`."""
        self._forget(self._bucket(now))
        there = self._buckets.values()
        return Counts(sum(b.calls for b in there), sum(b.failed for b in there), sum(b.slow for b in there))

    def clear(self) -> None:
        """Begin anew."""
        self._buckets = {}

    def _bucket(self, now: float) -> int:
        return floor(now / self._bucket_s)

    def _forget(self, at: int) -> None:
        for old in [bucket for bucket in self._buckets if bucket <= at - BUCKETS]:
            del self._buckets[old]
