"""What came of the applications: counted as the callers see it, whose clock starts when they meant to send."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from meridian.evidence import Rung


@dataclass(frozen=True)
class Sample:
    """One application: when it was to be sent and how long its answer took, in seconds, and what the answer was.

    `error` says what came instead of a decision; then there is neither rung nor outcome.
    """

    due_s: float
    took_s: float
    rung: Rung | None = None
    outcome: str = ""
    error: str = ""


@dataclass(frozen=True)
class Counts:
    """Some samples together. The percentiles are milliseconds, of the answered ones."""

    decisions: int
    rungs: dict[Rung, int]
    outcomes: dict[str, int]
    p50_ms: float
    p99_ms: float
    errors: tuple[str, ...]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Counts:
        """The samples counted."""
        decided = [one for one in samples if not one.error]
        times = sorted(one.took_s * 1000 for one in decided)
        return cls(
            len(decided),
            dict(sorted(Counter(one.rung for one in decided if one.rung is not None).items())),
            dict(sorted(Counter(one.outcome for one in decided).items())),
            _percentile(times, 0.50),
            _percentile(times, 0.99),
            tuple(one.error for one in samples if one.error),
        )

    @property
    def degraded(self) -> int:
        """How many were decided on less than everything: below rung 0."""
        return sum(count for rung, count in self.rungs.items() if rung > Rung.FULL)


class Tally:
    """Samples of many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._samples: list[Sample] = []

    def add(self, sample: Sample) -> None:
        """One more."""
        with self._lock:
            self._samples.append(sample)

    def all(self) -> Counts:
        """All of them."""
        return Counts.of(self._copy())

    def since(self, due_s: float) -> Counts:
        """Those that were to be sent from that second on."""
        return Counts.of([one for one in self._copy() if one.due_s >= due_s])

    def by_phase(self, ends: Sequence[float]) -> list[Counts]:
        """Those of each phase, by the second in which each phase ends; what comes after counts to the last."""
        phases: list[list[Sample]] = [[] for _ in ends]
        for one in self._copy():
            phases[min(bisect_right(ends, one.due_s), len(ends) - 1)].append(one)
        return [Counts.of(samples) for samples in phases]

    def _copy(self) -> list[Sample]:
        with self._lock:
            return list(self._samples)


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The least value that at least that share does not exceed; 0 where there are none."""
    return round(ordered[math.ceil(share * len(ordered)) - 1], 1) if ordered else 0.0
