"""When a second read is worth it, and how many there may be."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import ceil

LEAST = 20
"""So many calls are needed to say what is usual."""
SHARE = 0.05
"""Of a hundred reads, five may be asked twice: more would be load on a source that is slow already."""
BURST = 5.0


class Usual:
    """How long a call usually takes: of the last 200 that succeeded, what 95 in 100 stay within. Not thread-safe."""

    def __init__(self, size: int = 200):
        self._last: deque[float] = deque(maxlen=size)
        self._sorted: list[float] = []

    def add(self, took_s: float) -> None:
        """Note a call that succeeded."""
        if len(self._last) == self._last.maxlen:
            del self._sorted[bisect_left(self._sorted, self._last[0])]
        self._last.append(took_s)
        insort(self._sorted, took_s)

    def p95(self) -> float | None:
        """Seconds; None while there were too few."""
        count = len(self._sorted)
        return None if count < LEAST else self._sorted[ceil(0.95 * count) - 1]


class Budget:
    """Second reads, bounded: each read adds a twentieth, a second read takes one. Not thread-safe."""

    def __init__(self) -> None:
        self._has = 0.0

    def read(self) -> None:
        """A look-up was begun."""
        self._has = min(BURST, self._has + SHARE)

    def take(self) -> bool:
        """Whether there is one to take, and it was taken."""
        # Twenty twentieths are not quite one.
        if self._has < 1.0 - 1e-9:
            return False
        self._has -= 1.0
        return True

    def give_back(self) -> None:
        """The second read was not made after all."""
        self._has = min(BURST, self._has + 1.0)
