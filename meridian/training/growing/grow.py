"""Growing trees with XGBoost: monotone as the features are declared, the same bytes from the same data and seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.extra import need
from meridian.features import FeatureSet
from meridian.training.growing.recipes import Recipe

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]
PATIENCE = 20
"""Rounds without a better log loss on loans that are only watched, after which no more trees are grown."""


def grow(
    features: FeatureSet,
    recipe: Recipe,
    names: Sequence[str],
    inputs: Floats32,
    target: Floats,
    seed: int,
    weight: Floats | None = None,
) -> Any:
    """A booster with all of the recipe's rounds; `inputs` has shape (loans, len(names)), `weight` one for each loan."""
    data = _matrix(inputs, target, names, weight)
    return need("xgboost").train(recipe.parameters(features, names, seed), data, recipe.rounds)


def rounds_that_help(
    features: FeatureSet,
    recipe: Recipe,
    names: Sequence[str],
    learns: tuple[Floats32, Floats],
    watched: tuple[Floats32, Floats],
    seed: int,
) -> tuple[int, float]:
    """How many of the recipe's rounds lower the log loss on the watched loans, and the log loss there."""
    booster = need("xgboost").train(
        recipe.parameters(features, names, seed) | {"eval_metric": "logloss"},
        _matrix(*learns, names),
        recipe.rounds,
        evals=[(_matrix(*watched, names), "watched")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return int(booster.best_iteration) + 1, float(booster.best_score)


def margins_of(booster: Any, inputs: Floats32) -> Floats:
    """The margins that XGBoost gives."""
    data = need("xgboost").DMatrix(inputs, feature_names=booster.feature_names)
    return np.asarray(booster.predict(data, output_margin=True), dtype=np.float64)


def _matrix(inputs: Floats32, target: Floats, names: Sequence[str], weight: Floats | None = None) -> Any:
    return need("xgboost").DMatrix(inputs, target, weight=weight, feature_names=list(names), nthread=1)
