"""The latency budget: how long a decision may take from its request's arrival, and what of it the look-ups may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from meridian.sources import Deadline

RECORD_S = 0.055
"""Kept for what follows the look-ups: to score, to explain and to record. What it takes cannot be had back."""

LEAST_S = 0.015
"""What look-ups are given however long the request waited: several times what one of a healthy store takes. A full
queue is no reason to decide about somebody on less."""


@dataclass(frozen=True)
class Budget:
    """Seconds: for all of a decision, and for its look-ups."""

    whole_s: float
    look_ups_s: float
    clock: Callable[[], float] = monotonic

    def for_look_ups(self, arrived: float | None) -> Deadline:
        """Until when sources may be asked for a request that arrived at a moment of the clock (None: now).

        Where the request had to wait for its turn, less is left, though never less than `LEAST_S`.
        """
        now = self.clock()
        arrived = now if arrived is None else arrived
        wished, lasting = now + self.look_ups_s, arrived + self.whole_s - RECORD_S
        return Deadline(min(wished, max(lasting, now + LEAST_S)), self.clock)
