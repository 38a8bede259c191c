"""A deadline: the moment at which the time for a stage ends, on a clock that nobody sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic


@dataclass(frozen=True)
class Deadline:
    """The moment `at` of `clock`, in seconds. It travels with a request, so that no stage has to guess what is left."""

    at: float
    clock: Callable[[], float] = field(default=monotonic, repr=False, compare=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = monotonic) -> Deadline:
        """The moment in so many seconds."""
        return cls(clock() + seconds, clock)

    def left(self) -> float:
        """Seconds until then; 0 from then on."""
        return max(0.0, self.at - self.clock())

    def within(self, own_s: float) -> float:
        """Seconds for a step that takes `own_s` at most: that, or what is left where that is less."""
        return min(own_s, self.left())
