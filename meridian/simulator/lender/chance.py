"""Small draws that the parts of the simulation share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Random = np.random.Generator


def share(log_odds: Any) -> Floats:
    """Log-odds as a probability."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(log_odds, dtype=np.float64))))


def pick(random: Random, n: int, weights: Mapping[str, float] | Sequence[float]) -> Ints:
    """`n` indices into the weights, each as often as its weight has it."""
    values = list(weights.values()) if isinstance(weights, Mapping) else list(weights)
    edges = np.cumsum(values) / np.sum(values)
    return np.minimum(np.searchsorted(edges, random.random(n), side="right"), len(values) - 1).astype(np.int64)


def counted(counts: Ints) -> tuple[Ints, Ints]:
    """For each thing of everyone: whose it is, and its number from 0 among that one's things."""
    who = np.repeat(np.arange(len(counts)), counts)
    return who, np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)


def total(who: Ints, values: Floats | Bools, n: int) -> Floats:
    """Sums of the values over each of `n` applicants."""
    return np.bincount(who, weights=values.astype(np.float64), minlength=n).astype(np.float64)


def cents(dollars: Floats) -> Ints:
    """Dollars as whole cents."""
    return np.rint(dollars * 100).astype(np.int64)
