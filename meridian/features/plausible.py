"""What a source's events are like when they are true: bounds that another unit breaks, and people do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any


@dataclass(frozen=True)
class Plausible:
    """Of the sizes of a stream's column, the one in the middle lies between `low` and `high`, in the column's unit.

    A size has no sign. One odd value is life; when the middle one is odd, something is wrong with all of them. `where`
    takes into account only events whose columns have these values; fewer than `least` are not judged.
    """

    stream: str
    column: str
    low: float
    high: float
    where: tuple[tuple[str, Any], ...] = ()
    least: int = 3

    def holds(self, events: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the events may be true; too few of them may."""
        sizes = [
            abs(value)
            for event in events
            if (value := event[self.column]) is not None and all(event[name] == wanted for name, wanted in self.where)
        ]
        return len(sizes) < self.least or self.low <= median_low(sizes) <= self.high
