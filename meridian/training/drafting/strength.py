"""How much a column says about the outcome by itself, and which way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meridian.extra import need

Floats = NDArray[np.float64]
GROUPS = 10
FEWEST = 50
"""A group of fewer loans has no default rate to speak of."""
STEADY = 0.85
"""The least share of a default rate's ups and downs, from group to group, that must come out as net movement."""
WEAK = 0.02
MANY, RANKED = 8, 0.9
"""Of so many groups, whose rates also waver by chance, their rank correlation with the value will do."""
PURE = 0.95
CERTAIN = 3.0
"""Standard errors between two default rates that are taken to differ."""


@dataclass(frozen=True)
class Trend:
    """Which way risk moves with a value: 1, -1 or 0 where the data do not say, and on what ground."""

    direction: int
    evidence: str


def auc(values: Floats, target: Floats) -> float:
    """The AUC of a value by itself, whichever way it points: 0.5 to 1; missing values are left aside."""
    known = np.isfinite(values)
    outcomes = target[known]
    if not 0 < outcomes.sum() < len(outcomes):
        return 0.5
    found = float(need("sklearn.metrics").roc_auc_score(outcomes, values[known]))
    return max(found, 1 - found)


def auc_of_missing(values: Floats, target: Floats) -> float:
    """The AUC of whether there is a value."""
    return auc(np.isfinite(values).astype(np.float64), target)


def rates_of(categories: NDArray[np.str_], target: Floats) -> Floats:
    """Each loan's category as the default rate of that category, drawn to the mean where it has few loans."""
    _, which = np.unique(categories, return_inverse=True)
    loans, defaults, mean = np.bincount(which), np.bincount(which, target), float(target.mean())
    rates: Floats = ((defaults + 10 * mean) / (loans + 10))[which]
    return rates


def purest(groups: Iterable[NDArray[np.bool_]], target: Floats) -> tuple[int, float]:
    """Of the groups of loans that nearly all defaulted, the largest: (loans, default rate); none: (0, 0.0).

    Where defaults are the rule, nothing follows from it.
    """
    if target.mean() > 0.5:
        return 0, 0.0
    found = [(int(group.sum()), float(target[group].mean())) for group in groups if group.sum() >= FEWEST]
    return max((one for one in found if one[1] >= PURE), default=(0, 0.0))


def trend(values: Floats, target: Floats) -> Trend:
    """Whether the default rate rises or falls with the value throughout, in ten groups of it."""
    known = np.isfinite(values)
    values, target = values[known], target[known]
    if len(values) < 2 * FEWEST:
        return Trend(0, "too few loans to tell")
    means, rates, sizes = _groups(values, target)
    if len(means) < 2:
        return Trend(0, "nearly all loans have one value")
    words = f"default rate {rates[0]:.1%} where it is lowest, {rates[-1]:.1%} where it is highest"
    spread = np.sqrt(sum(max(r * (1 - r), 1e-6) / n for r, n in ((rates[0], sizes[0]), (rates[-1], sizes[-1]))))
    differ = abs(rates[-1] - rates[0]) > CERTAIN * spread
    steps = np.abs(np.diff(rates)).sum()
    net = abs(rates[-1] - rates[0]) / steps if steps else 0.0
    ranks = float(need("scipy.stats").spearmanr(means, rates).statistic) if len(means) >= MANY else 0.0
    steady = net >= STEADY or abs(ranks) >= RANKED
    if len(means) > 2:
        words += f", {net:.0%} of the way between {len(means)} groups in one direction"
    weak = auc(values, target) < 0.5 + WEAK
    if not steady or not differ or weak:
        why = "not steady" if not steady else "too small a difference"
        return Trend(0, f"{words}: {why}")
    return Trend(1 if rates[-1] > rates[0] else -1, words)


def _groups(values: Floats, target: Floats) -> tuple[list[float], list[float], list[int]]:
    """Mean value, default rate and loans of each group of like values, from low to high."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, GROUPS + 1)[1:-1], method="inverted_cdf"))
    which = np.searchsorted(edges, values, side="left")
    found = [(values[which == g], target[which == g]) for g in np.unique(which)]
    found = [(v, t) for v, t in found if len(v) >= FEWEST]
    return [float(v.mean()) for v, _ in found], [float(t.mean()) for _, t in found], [len(v) for v, _ in found]


def alike(columns: dict[str, Floats], least: float, rows: int = 20_000) -> dict[tuple[str, str], float]:
    """Pairs of columns whose ranks correlate at least so much, by size; of many loans the first part is looked at."""
    names = list(columns)
    if len(names) < 2:
        return {}
    rank = need("scipy.stats").rankdata
    ranks = np.stack([rank(np.nan_to_num(columns[name][:rows], nan=np.nanmedian(columns[name]))) for name in names])
    with np.errstate(all="ignore"):
        correlation = np.nan_to_num(np.corrcoef(ranks))
    return {
        (names[i], names[j]): float(correlation[i, j])
        for i in range(len(names))
        for j in range(i + 1, len(names))
        if abs(correlation[i, j]) >= least
    }
