"""A quick model of the loans that may train, each scored by one that has not seen it: for bands, and to see leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meridian.extra import need
from meridian.registry import Purpose
from meridian.training.growing.recipes import RECIPES, SEED

Floats = NDArray[np.float64]
FOLDS = 3
MOST_LOANS = 30_000
APPROVED, NOT_DECLINED = 0.60, 0.85
"""The shares of the training loans whose PD lies below the two cut-offs that are proposed."""


@dataclass(frozen=True)
class Quick:
    """What the quick model found: its PDs of loans it has not seen, the AUC, and each feature's gain in all trees."""

    pds: Floats
    auc: float
    gains: Mapping[str, float]

    @property
    def bands(self) -> tuple[float, float]:
        """(approve below, decline above), in two significant figures."""
        approve = _rounded(float(np.quantile(self.pds, APPROVED)))
        decline = _rounded(float(np.quantile(self.pds, NOT_DECLINED)))
        return approve, decline if decline > approve else _rounded(min(approve * 1.2 + 0.01, 0.99))


def quick_model(
    features: Mapping[str, Floats], directions: Mapping[str, int], target: Floats, trains: NDArray[np.bool_],
    groups: Sequence[str] | None = None,
) -> Quick:  # fmt: skip
    """Fit on two thirds and score the other, in turn; loans of one of `groups` stay together."""
    xgboost = need("xgboost")
    rows = np.flatnonzero(trains)
    rng = np.random.default_rng(SEED)
    if len(rows) > MOST_LOANS:
        rows = np.sort(rng.choice(rows, MOST_LOANS, replace=False))
    names, outcomes = list(features), target[rows]
    matrix = np.stack([features[name][rows] for name in names], axis=1).astype(np.float32)
    fold = _folds(rows, groups, rng)
    recipe, pds, gains = RECIPES[Purpose.COMPACT], np.empty(len(rows)), dict.fromkeys(names, 0.0)
    constraints = ",".join(str(directions.get(name, 0)) for name in names)
    settings = {
        "objective": "binary:logistic", "tree_method": "hist", "max_depth": recipe.max_depth, "eta": recipe.eta,
        "subsample": recipe.subsample, "colsample_bytree": recipe.colsample_bytree, "seed": SEED, "nthread": 1,
        "min_child_weight": recipe.min_child_weight, "monotone_constraints": f"({constraints})", "verbosity": 0,
    }  # fmt: skip
    labels = [f"f{i}" for i in range(len(names))]
    for part in range(FOLDS):
        learn = xgboost.DMatrix(matrix[fold != part], outcomes[fold != part], feature_names=labels, nthread=1)
        booster = xgboost.train(settings, learn, recipe.rounds)
        pds[fold == part] = booster.predict(xgboost.DMatrix(matrix[fold == part], feature_names=labels, nthread=1))
        for label, gain in booster.get_score(importance_type="total_gain").items():
            gains[names[int(label[1:])]] += gain
    auc = float(need("sklearn.metrics").roc_auc_score(outcomes, pds))
    return Quick(pds, auc, gains)


def _folds(rows: NDArray[np.int64], groups: Sequence[str] | None, rng: np.random.Generator) -> NDArray[np.int64]:
    if groups is None:
        return rng.permutation(len(rows)) % FOLDS
    _, owner = np.unique(np.array([groups[row] for row in rows.tolist()]), return_inverse=True)
    return (rng.permutation(int(owner.max()) + 1) % FOLDS)[owner]


def _rounded(share: float) -> float:
    """Two figures after the point, or two significant ones where that is less."""
    clipped = min(max(share, 0.0001), 0.98)
    return round(clipped, 2) if clipped >= 0.1 else float(f"{clipped:.2g}")
