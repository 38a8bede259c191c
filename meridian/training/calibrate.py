"""Calibration: from margins to probabilities, on loans that the model has not seen."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData
from meridian.extra import need
from meridian.scoring import Calibration
from meridian.training.measure import logistic_fit

Floats = NDArray[np.float64]
LEAST_DEFAULTS = 25
"""In a step of an isotonic calibration: with fewer, what is found is mostly chance."""


class Method(StrEnum):
    """How margins become probabilities."""

    LOGISTIC = "logistic"
    ISOTONIC = "isotonic"


def calibrate(margins: Floats, target: Floats, method: Method) -> Calibration:
    """A rising calibration of these margins; `target` is 1.0 for a default.

    Logistic: Platt (1999), without regularisation. Isotonic: pooled adjacent violators (Zadrozny, Elkan, 2002), each
    step at its mean margin and straight lines between them, so that no two ranks become one. Raises
    `InvalidTrainingData` where the margins do not rank the loans.
    """
    slope, intercept = logistic_fit(margins, target)
    if not slope > 0:
        raise InvalidTrainingData(f"The model does not rank the newest training loans: calibration slope {slope:.3f}.")
    knots = _knots(margins, target) if method is Method.ISOTONIC else ()
    return Calibration(slope, intercept, knots)


def _knots(margins: Floats, target: Floats) -> tuple[tuple[float, float], ...]:
    """Each step's mean margin and log-odds, neighbours with too few of either outcome taken together."""
    # Loans of one margin are one point: in what order they lie in a file says nothing.
    points, which, loans = np.unique(margins, return_inverse=True, return_counts=True)
    defaults = np.bincount(which, weights=target, minlength=len(points))
    levels = need("sklearn.isotonic").isotonic_regression(defaults / loans, sample_weight=loans)
    steps: list[slice] = []
    begin = 0
    for end in [*(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels)]:
        bad = defaults[begin:end].sum()
        if min(bad, loans[begin:end].sum() - bad) >= LEAST_DEFAULTS:
            steps.append(slice(begin, end))
            begin = end
    if begin < len(levels) and steps:
        steps[-1] = slice(steps[-1].start, len(levels))
    knots = [
        (
            round(float(np.average(points[step], weights=loans[step])), 9),
            _log_odds(float(defaults[step].sum() / loans[step].sum())),
        )
        for step in steps
    ]
    # The last may have been made longer by what rises less.
    rising = knots[:1]
    for knot in knots[1:]:
        if knot[1] > rising[-1][1]:
            rising.append(knot)
    return tuple(rising) if len(rising) > 1 else ()


def _log_odds(share: float) -> float:
    return round(math.log(share / (1 - share)), 9)
