"""How long the outside sources take, and which of them say to come back for the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from threading import Lock

from meridian.errors import InvalidInput

AT_ONCE_S = 1.0
"""Up to how many seconds every source keeps the caller on the line: a real provider answers at once what it can, and
sends away only who would wait too long."""


@dataclass(frozen=True)
class Pace:
    """The least and the most seconds until a source has its answer.

    A source that answers `later` takes the question, and keeps the answer to be fetched, where it takes longer than
    `AT_ONCE_S`; the others keep the caller on the line however long.
    """

    least_s: float
    most_s: float
    later: bool


PACES: Mapping[str, Pace] = {
    "bureau": Pace(5, 15, later=False),
    "bank": Pace(30 * 60, 60 * 60, later=True),
    "employment": Pace(5 * 60, 4 * 60 * 60, later=True),
}


class Latency:
    """Draws how long each answer takes, in seconds: log-normal, its median the geometric mean of the bounds.

    The bounds lie two standard deviations off, and what falls beyond them is drawn again. `scale` shortens all: at
    0.001 an hour takes 3.6 s. With one seed the n-th answer of every run takes the same time.
    """

    def __init__(self, pace: Pace, scale: float, seed: int):
        if not 0 <= scale < math.inf:
            raise InvalidInput(f"scale {scale}; give a number from 0: 1 is real time, 0.001 an hour in 3.6 s")
        self._bounds = pace.least_s, pace.most_s
        self._scale = scale
        self._random = Random(seed)  # noqa: S311 - a run has to repeat, and nothing is kept secret with it
        self._lock = Lock()

    def draw(self) -> float:
        """The next answer's seconds."""
        least, most = self._bounds
        middle, spread = math.log(least * most) / 2, math.log(most / least) / 4
        with self._lock:
            while not least <= (seconds := self._random.lognormvariate(middle, spread)) <= most:
                pass
        return seconds * self._scale
