"""Who gives a score, and its contributions, for a row or for many."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from meridian.scoring import Calibration, PointsScale, Scorer, make_tables, parse_xgboost_json

Rows = NDArray[np.float32]
OURS, CONTRIBS, SHAP, MARGIN = "meridian", "pred_contribs", "shap", "margin"
LABELS = {
    OURS: "Meridian: score and contributions",
    CONTRIBS: "XGBoost: pred_contribs",
    SHAP: "shap: TreeExplainer, interventional",
    MARGIN: "XGBoost: the margin alone",
}
"""`pred_contribs` and the margin are XGBoost's with one thread; shap has the same reference population as Meridian."""
REFERENCE_ROWS, TRAINING_ROWS = 500, 20_000


@dataclass(frozen=True)
class Shape:
    """A model's size."""

    trees: int
    depth: int
    features: int

    def __str__(self) -> str:
        return f"{self.trees} trees of depth {self.depth}, {self.features} features"


@dataclass(frozen=True)
class Rival:
    """How it does one row, and how many; what it gives are contributions, or margins where it has none."""

    one: Callable[[Rows], Any]
    many: Callable[[Rows], Any]


@dataclass(frozen=True)
class Field:
    """All of them on one model, and rows that it has not seen."""

    rows: Rows
    rivals: Mapping[str, Rival]
    scorer: Scorer
    explained: Any
    """shap's explainer."""


def field_of(shape: Shape, rows: int, seed: int = 1) -> Field:
    """A model of that shape on data like credit's: skewed, a third of the columns with gaps."""
    random = np.random.default_rng(seed)
    data = random.lognormal(0.0, 1.0, (TRAINING_ROWS + rows, shape.features)).astype(np.float32)
    gaps = random.random(data.shape) < np.where(np.arange(shape.features) % 3 == 0, 0.15, 0.0)
    strength = random.normal(0.0, 1.0, shape.features) * (random.random(shape.features) < 0.6)
    target = (np.log(data) @ strength + random.normal(0.0, 3.0, len(data)) > 2.0).astype(np.float64)
    data[gaps] = np.nan
    names = [f"f{i}" for i in range(shape.features)]
    told = {"objective": "binary:logistic", "max_depth": shape.depth, "eta": 0.1, "nthread": 1, "seed": seed}
    training, unseen = data[:TRAINING_ROWS], data[TRAINING_ROWS:]
    booster = xgboost.train(told, xgboost.DMatrix(training, target[:TRAINING_ROWS], feature_names=names), shape.trees)
    reference = training[:REFERENCE_ROWS]
    tables = make_tables(parse_xgboost_json(json.loads(booster.save_raw("json"))), reference)
    scorer = Scorer("bench", "", "", tables, Calibration(), PointsScale())
    rivals = {OURS: _ours(scorer), CONTRIBS: _contribs(booster, names), MARGIN: _margin(booster)}
    explained = _explainer(booster, reference)
    if explained is not None:
        rivals[SHAP] = Rival(explained.shap_values, explained.shap_values)
    return Field(unseen, rivals, scorer, explained)


def _ours(scorer: Scorer) -> Rival:
    def one(row: Rows) -> Any:
        # As a decision has them: by name.
        return scorer.score(dict(zip(scorer.features, row[0].tolist(), strict=True)))

    return Rival(one, scorer.tables.contributions_of)


def _contribs(booster: Any, names: list[str]) -> Rival:
    def contributions(rows: Rows) -> Any:
        return booster.predict(xgboost.DMatrix(rows, feature_names=names, nthread=1), pred_contribs=True)

    return Rival(contributions, contributions)


def _margin(booster: Any) -> Rival:
    def margins(rows: Rows) -> Any:
        return booster.inplace_predict(rows, predict_type="margin", validate_features=False)

    return Rival(margins, margins)


def _explainer(booster: Any, reference: Rows) -> Any:
    """None where shap is not installed."""
    try:
        import shap
    except ImportError:
        return None
    # By itself it takes a hundred rows of a population, and explains against those.
    population = shap.maskers.Independent(reference, max_samples=len(reference))
    return shap.TreeExplainer(booster, data=population, feature_perturbation="interventional")
