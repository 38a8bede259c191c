"""How good a model is: figures for the manifest, curves for the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.extra import need

Floats = NDArray[np.float64]
GROUPS = 10


@dataclass(frozen=True)
class Curves:
    """What the plots draw, all from the test loans.

    `false_rate` and `true_rate` are the ROC curve; `predicted`, `observed` and `loans` the mean PD, the
    share of defaults and the count in ten groups of equal size by PD; `reached` and `caught` the share
    of all loans and of all defaults found from the riskiest downward.
    """

    false_rate: Floats
    true_rate: Floats
    predicted: Floats
    observed: Floats
    loans: NDArray[np.int64]
    reached: Floats
    caught: Floats


def measure(target: Floats, pd: Floats) -> dict[str, float]:
    """Discrimination and calibration of probabilities `pd` (0 to 1) against outcomes `target` (0 or 1).

    `ks` is the greatest distance between the scores' distributions of defaults and repayments, `gini`
    is 2 AUC - 1, and `calibration_slope` the slope of a logistic regression of the outcome on the
    predicted log-odds: 1 is right, below 1 is too extreme (Cox, 1958).
    """
    metrics = need("sklearn.metrics")
    false_rate, true_rate, _ = metrics.roc_curve(target, pd)
    auc = float(metrics.auc(false_rate, true_rate))
    slope, _ = logistic_fit(np.log(pd / (1 - pd)), target)
    figures = {
        "loans": float(len(target)),
        "base_rate": float(target.mean()),
        "mean_pd": float(pd.mean()),
        "auc": auc,
        "gini": 2 * auc - 1,
        "ks": float((true_rate - false_rate).max()),
        "brier": float(metrics.brier_score_loss(target, pd)),
        "log_loss": float(metrics.log_loss(target, pd)),
        "calibration_slope": slope,
    }
    return {name: round(value, 6) for name, value in figures.items()}


def psi(base: Floats, other: Floats) -> float:
    """Population stability index of two samples of scores, over tenths of the base: 0 is alike; from 0.1 on it is
    usual to look into it, from 0.25 on to act (Siddiqi, 2006).
    """
    edges = np.unique(np.quantile(base, np.linspace(0, 1, GROUPS + 1)[1:-1]))

    def shares(scores: Floats) -> Floats:
        counts = np.bincount(np.searchsorted(edges, scores, side="right"), minlength=len(edges) + 1)
        # An empty tenth would be infinitely far; half a loan is the least that a count can mean.
        return np.asarray(np.maximum(counts, 0.5) / len(scores))

    expected, found = shares(base), shares(other)
    return round(float(((found - expected) * np.log(found / expected)).sum()), 6)


def logistic_fit(x: Floats, target: Floats) -> tuple[float, float]:
    """Slope and intercept of an unpenalised logistic regression of the outcome on one variable."""
    model: Any = need("sklearn.linear_model").LogisticRegression(C=np.inf)
    model.fit(x.reshape(-1, 1), target)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def curves(target: Floats, pd: Floats) -> Curves:
    """The curves of a model on the test loans."""
    false_rate, true_rate, _ = need("sklearn.metrics").roc_curve(target, pd)
    order = np.argsort(pd, kind="stable")
    groups = np.array_split(order, min(GROUPS, len(order)))
    falling = target[order[::-1]]
    return Curves(
        false_rate=false_rate,
        true_rate=true_rate,
        predicted=np.array([pd[group].mean() for group in groups]),
        observed=np.array([target[group].mean() for group in groups]),
        loans=np.array([len(group) for group in groups]),
        reached=np.arange(1, len(falling) + 1) / len(falling),
        caught=np.cumsum(falling) / falling.sum(),
    )
