"""Numbers that are no numbers: 99 for 'refused', -9 for 'no record', 365243 for 'never'."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEWEST = 3
FAR = 2.0
"""A code of nines lies beyond twice the greatest other value: 99 among 0 to 13 is one, 99 among 18 to 95 is an age."""
ISOLATED = 3.0
"""Any value may be a code that lies further from all others than three times what they span."""
FREQUENT = 0.005
_NINES = frozenset(
    float(base + end) for base in (90, 990, 9_990, 99_990, 999_990, 9_999_990, 99_999_990) for end in (6, 7, 8, 9)
) | {8888.0, 888.0, 365_243.0}
_BELOW = frozenset(
    -float(n) for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 77, 88, 98, 99, 888, 997, 998, 999, 9_998, 9_999, 99_999, 999_999)
)


def special_codes(values: NDArray[np.float64]) -> list[float]:
    """The values of a column that are codes, in their order. A handful of loans must have one."""
    known = values[np.isfinite(values)]
    if not len(known):
        return []
    distinct, counts = np.unique(known, return_counts=True)
    return sorted({*_nines(distinct, counts), *_below_zero(distinct, counts), *_isolated(distinct, counts)})


def _nines(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> list[float]:
    candidate = np.isin(distinct, list(_NINES)) & (counts >= FEWEST)
    others = distinct[~candidate]
    if not candidate.any() or len(others) < 3:
        return []
    beyond = distinct > max(FAR * others.max(), others.max() + 10)
    return [float(value) for value in distinct[candidate & beyond]]


def _below_zero(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> list[float]:
    """Negative numbers among what is never negative: the codes that bureaus use, or -1 alone where values are many.

    A scale that runs through zero, as -2, -1, 0, 1, 2, has no codes.
    """
    below = distinct[distinct < 0]
    rest = distinct[distinct >= 0]
    if (
        not len(below)
        or len(rest) < 3
        or not np.isin(below, list(_BELOW)).all()
        or (counts[distinct < 0] < FEWEST).any()
    ):
        return []
    scale = below.max() >= -2 and len(below) > 1
    lonely = list(below) == [-1.0] and len(rest) < 10
    return [] if scale or lonely else [float(value) for value in below]


def _isolated(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> list[float]:
    if len(distinct) < 6:
        return []
    total = counts.sum()
    found = []
    for end, rest in ((-1, distinct[:-1]), (0, distinct[1:])):
        gap = abs(distinct[end] - rest[end])
        if counts[end] >= FREQUENT * total and gap > ISOLATED * (rest[-1] - rest[0]):
            found.append(float(distinct[end]))
    return found
