"""Shares, means and their differences, each with its interval of 95 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided interval of 95 %."""

FEWEST = 30
"""Of fewer the normal approximation of a mean says less than it claims."""


@dataclass(frozen=True)
class Estimate:
    """A figure, and between what it lies in 95 of 100 such samples."""

    value: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Of a difference: whether it is more than chance would make."""
        return not self.low <= 0 <= self.high

    def document(self) -> dict[str, float]:
        """As JSON values."""
        return asdict(self)


def share_of(count: int, of: int) -> Estimate:
    """A share of some, who are more than none, with Wilson's score interval (Wilson, 1927, JASA 22)."""
    share, spread = count / of, Z_95**2 / of
    middle = (share + spread / 2) / (1 + spread)
    off = Z_95 * sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return Estimate(share, max(0.0, middle - off), min(1.0, middle + off))


def shares_apart(one: Estimate, other: Estimate) -> Estimate:
    """One share less another's, of two groups, from their intervals (Newcombe, 1998, Statistics in Medicine 17,
    method 10).
    """
    apart = one.value - other.value
    below = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    above = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Estimate(apart, apart - below, apart + above)


def paired_shares_apart(gained: int, lost: int, of: int) -> Estimate | None:
    """How many more of the same people are approved, as a share: `gained` are approved by the second alone, `lost` by
    the first alone. None of nobody.

    With one added to either and two to all, which holds its level where few differ (Bonett, Price, 2012, Journal of
    Educational and Behavioral Statistics 37).
    """
    if not of:
        return None
    more, less = (gained + 1) / (of + 2), (lost + 1) / (of + 2)
    middle = more - less
    off = Z_95 * sqrt((more + less - middle**2) / (of + 2))
    return Estimate((gained - lost) / of, max(-1.0, middle - off), min(1.0, middle + off))


def mean_of(values: Sequence[float]) -> Estimate | None:
    """A mean, by the normal approximation; None of too few."""
    if len(values) < FEWEST:
        return None
    off = Z_95 * stdev(values) / sqrt(len(values))
    mean = fmean(values)
    return Estimate(mean, mean - off, mean + off)


def means_apart(one: Sequence[float], other: Sequence[float]) -> Estimate | None:
    """One mean less another's, of two groups of unlike spread, by the normal approximation; None of too few."""
    if min(len(one), len(other)) < FEWEST:
        return None
    apart = fmean(one) - fmean(other)
    off = Z_95 * sqrt(stdev(one) ** 2 / len(one) + stdev(other) ** 2 / len(other))
    return Estimate(apart, apart - off, apart + off)


def ratio_of(share: float, of: int, other: float, of_other: int) -> Estimate | None:
    """The ratio of two shares of so many each; None where either share is 0.

    By the delta method on its log, whose variance is the sum of (1 - p) / (n p) over both (Katz, Baptista, Azen, Pike,
    1978, Biometrics 34; for adverse impact ratios Morris, Lobsenz, 2000, Personnel Psychology 53). It is too narrow
    where a share is near 0 or 1 among few.
    """
    if not share or not other:
        return None
    ratio = share / other
    off = Z_95 * sqrt((1 - share) / (of * share) + (1 - other) / (of_other * other))
    return Estimate(ratio, exp(log(ratio) - off), exp(log(ratio) + off))
