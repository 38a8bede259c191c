"""Figures of one measurement, and what several of them say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True)
class Figures:
    """One load on one subject, once. `failed` counts replies that were not as expected, by what they were."""

    count: int
    per_s: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    failed: dict[str, int]
    degraded: int = 0
    """Decisions that were made without a source that should have answered."""
    client_cpu: float = 0.0
    """The share of one core that the client used."""
    quiet: bool = True
    """Whether the machine had come to rest before."""


def figures(
    latencies_s: Sequence[float],
    seconds: float,
    failed: dict[str, int],
    degraded: int = 0,
    client_cpu: float = 0.0,
) -> Figures:
    """From each good reply's latency, and the time that all of them took."""
    ordered = sorted(latencies_s)
    p50, p99, p999 = (1000 * percentile(ordered, share) for share in (0.5, 0.99, 0.999))
    return Figures(len(ordered), len(ordered) / seconds, p50, p99, p999, failed, degraded, client_cpu)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that this share of them does not exceed; NaN of none."""
    return ordered[max(ceil(share * len(ordered)), 1) - 1] if ordered else float("nan")


@dataclass(frozen=True)
class Spread:
    """The median over the repeats, and the least and the most."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value or more."""
        return cls(median(values), min(values), max(values))
