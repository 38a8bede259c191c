"""The waiting line before a fixed number of threads: how long is it, and is it worth joining?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from threading import Lock

WEIGHT = 1 / 16
"""Of the latest request. What is older than a few dozen requests is as good as forgotten."""
DEVIATIONS = 4
"""The usual four (RFC 6298, 2.3): all but a few requests take no longer than the mean and these."""
SLOWER = 2.0
"""How much slower the line may become while somebody waits (a checkpoint, a collection of garbage) and still keep to
the budget. Who waits in vain is refused late, and took a thread's time from others; a line of half the length keeps
the threads just as busy."""


@dataclass(frozen=True)
class Pace:
    """How long a thread is busy with a request, of late. The start is a guess on the slow side."""

    mean_s: float = 0.02
    deviation_s: float = 0.01
    """The mean distance from the mean."""

    def after(self, took_s: float) -> Pace:
        """The pace with one more request in it (Jacobson's smoothing)."""
        apart = abs(took_s - self.mean_s)
        return Pace(
            self.mean_s + WEIGHT * (took_s - self.mean_s), self.deviation_s + WEIGHT * (apart - self.deviation_s)
        )

    def reserve_s(self, enough_s: float = inf) -> float:
        """What to set aside for the request itself, which can make do with `enough_s` when it has to.

        What it can do without varies (a look-up that waits for somebody else), and the deviation is of that. Where the
        mean itself is longer, the threads are what is slow, and there is no hurrying them.
        """
        return max(self.mean_s, min(self.mean_s + DEVIATIONS * self.deviation_s, enough_s))

    def wait_s(self, ahead: int, threads: int) -> float:
        """How long until it is the turn of who has so many `ahead` in the line and finds every thread busy.

        Little's law: busy `threads` finish `threads / mean_s` requests a second, and it takes `ahead + 1` of them.
        """
        return (ahead + 1) * self.mean_s / threads


class Line:
    """First come, first served, by `threads`. Every request joins, begins and ends; any thread may say so.

    Seconds: a request has `budget_s` from its arrival, and makes do with `enough_s` once it is its turn.
    """

    def __init__(self, threads: int, budget_s: float, enough_s: float = inf):
        self._threads, self._budget_s, self._enough_s = threads, budget_s, enough_s
        self._waiting: deque[float] = deque()
        self._busy = 0
        self._pace = Pace()
        self._lock = Lock()

    def join(self, now: float) -> None:
        """One more waits."""
        with self._lock:
            self._waiting.append(now)

    def begin(self) -> None:
        """A thread has taken the first of the line."""
        with self._lock:
            self._waiting.popleft()
            self._busy += 1

    def end(self, took_s: float) -> None:
        """A thread is free again, after so long."""
        with self._lock:
            self._busy -= 1
            # One that took longer than the budget (a large upload, a hung database) says no more than that it did.
            self._pace = self._pace.after(min(took_s, self._budget_s))

    def lost(self, now: float, arrived: float) -> bool:
        """Whether the answer to a request would come after its budget, were it to join now.

        Never while a thread is free: it costs nobody anything to try, and only who tries learns that all is well again.
        """
        with self._lock:
            waiting = len(self._waiting)
            if self._busy + waiting < self._threads:
                return False
            # Where nothing moves at all, no pace is learnt; the first in the line shows it.
            shown = now - self._waiting[0] if waiting else 0.0
            wait = max(SLOWER * self._pace.wait_s(waiting, self._threads), shown)
            return now - arrived + wait + self._pace.reserve_s(self._enough_s) > self._budget_s
