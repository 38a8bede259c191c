"""Fitting: a frame becomes a monotone, calibrated model with its reference population, proved equal to XGBoost.

The loans that may train are cut once more in time. A first model learns from the earlier months and is
calibrated on the later ones, which it has not seen (about the last fifth); then the model that is kept
is grown the same way from all of them, with that calibration: the newest loans are the most like those
to come, and what the first model learnt about its own over-confidence holds for its twin.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData
from meridian.extra import need
from meridian.policy import Bands
from meridian.products import Product
from meridian.registry import Purpose, features_for
from meridian.scoring import Calibration, LeafTables, PointsScale, Scorer, parse_xgboost_json
from meridian.training.frame import Frame
from meridian.training.measure import logistic_fit
from meridian.training.recipes import RECIPES, SEED, Recipe

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]

CALIBRATION_SHARE = 0.2
LEAST_DEFAULTS = 20
REFERENCE_ROWS = 500
JUST_APPROVED = 0.8
"""Just approved: a PD from this share of the cut-off up to it."""
PROOF_ROWS = 1000
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Fitted:
    """A model with all that a bundle needs.

    `model` is XGBoost's JSON; `pds` the calibrated PD of every loan of the frame; `gain` each
    feature's mean gain a split, absent where no tree splits on it.
    """

    features: tuple[str, ...]
    model: bytes
    reference: Floats32
    calibration: Calibration
    scale: PointsScale
    scorer: Scorer
    pds: Floats
    calibrated_from: int
    gain: Mapping[str, float]


def fit(product: Product, frame: Frame, purpose: Purpose, seed: int = SEED) -> Fitted:
    """Fit a product's model for a purpose. The same frame and seed give the same bytes.

    Raises `InvalidTrainingData` where there are too few defaults, or the model does not rank the
    months it was calibrated on; `RuntimeError` where the scorer does not reproduce XGBoost.
    """
    names = features_for(product, purpose)
    recipe = RECIPES[purpose]
    inputs = frame.inputs(names)
    earlier, later, calibrated_from = split_for_calibration(frame)
    first = _grow(product, recipe, names, inputs[earlier], frame.target[earlier], seed)
    slope, intercept = logistic_fit(_margins(first, inputs[later]), frame.target[later])
    if not slope > 0:
        raise InvalidTrainingData(f"The model does not rank the newest training loans: calibration slope {slope:.3f}.")
    calibration = Calibration(slope, intercept)
    booster = _grow(product, recipe, names, inputs[frame.trains], frame.target[frame.trains], seed)
    margins = _margins(booster, inputs)
    pds = 1.0 / (1.0 + np.exp(-(slope * margins + intercept)))
    model = bytes(booster.save_raw("json"))
    training = np.flatnonzero(frame.trains)
    reference = inputs[training[reference_population(pds[training], product.policy.at(purpose.rung).bands, seed)]]
    scorer = Scorer(
        name=f"{product.name}-{purpose}",
        sha256="",
        reference_sha256="",
        tables=LeafTables(parse_xgboost_json(json.loads(model)), reference),
        calibration=calibration,
        scale=PointsScale(),
    )
    prove(scorer, inputs, margins, seed)
    gain = {name: float(value) for name, value in booster.get_score(importance_type="gain").items()}
    return Fitted(tuple(names), model, reference, calibration, scorer.scale, scorer, pds, calibrated_from, gain)


def split_for_calibration(frame: Frame) -> tuple[NDArray[np.bool_], NDArray[np.bool_], int]:
    """Training loans as (earlier, later) by whole periods, the later about a fifth; and the later's first period.

    Raises `InvalidTrainingData` where either has fewer than 20 defaults or repayments.
    """
    periods = np.sort(frame.period[frame.trains])
    cut = int(periods[int(len(periods) * (1 - CALIBRATION_SHARE))])
    earlier, later = frame.trains & (frame.period < cut), frame.trains & (frame.period >= cut)
    for part, what in ((earlier, "to learn from"), (later, "to calibrate on")):
        loans, defaults = int(part.sum()), int(frame.target[part].sum())
        if min(defaults, loans - defaults) < LEAST_DEFAULTS:
            raise InvalidTrainingData(
                f"Of the loans {what}, {defaults} defaulted and {loans - defaults} did not; "
                f"at least {LEAST_DEFAULTS} of each are needed."
            )
    return earlier, later, cut


def reference_population(pds: Floats, bands: Bands, seed: int) -> NDArray[np.int64]:
    """Positions of the just approved among the training applicants, in their order.

    They are those with a PD from 80 % of the cut-off up to it: of more than 500 a seeded sample, of
    fewer the 500 nearest below the cut-off; where nobody is below it, the nearest of all. Comment
    9(b)(2)-5 to 12 CFR 1002.9: applicants at or just above the cut-off of approval.
    """
    cut = bands.approve_below
    below = np.flatnonzero(pds < cut)
    just = np.flatnonzero((pds < cut) & (pds >= JUST_APPROVED * cut))
    if len(just) > REFERENCE_ROWS:
        just = np.random.default_rng(seed).choice(just, REFERENCE_ROWS, replace=False)
    elif len(just) < REFERENCE_ROWS:
        among = below if len(below) else np.arange(len(pds))
        just = among[np.argsort(np.abs(pds[among] - cut), kind="stable")[:REFERENCE_ROWS]]
    return np.sort(just)


def prove(scorer: Scorer, inputs: Floats32, margins: Floats, seed: int) -> None:
    """Hold the scorer against XGBoost's margins on 1000 loans, one by one and in bulk.

    Raises `RuntimeError` on a difference above 1e-5: such a model must never be saved.
    """
    rows = np.random.default_rng(seed).permutation(len(inputs))[:PROOF_ROWS]
    tables = scorer.tables
    bulk = tables.contributions_of(inputs[rows])
    single = np.stack([tables.contributions(row) for row in inputs[rows[:50]]])
    worst = float(np.abs(tables.base + bulk.sum(axis=1) - margins[rows]).max())
    apart = float(np.abs(single - bulk[:50]).max())
    if not (worst <= TOLERANCE and apart <= TOLERANCE):
        raise RuntimeError(
            f"{scorer.name}: the leaf tables differ from XGBoost by {worst:.2e} and one row from many by {apart:.2e}; "
            "the model is not saved"
        )


def _grow(product: Product, recipe: Recipe, names: tuple[str, ...], inputs: Floats32, target: Floats, seed: int) -> Any:
    xgboost = need("xgboost")
    data = xgboost.DMatrix(inputs, target, feature_names=list(names), nthread=1)
    return xgboost.train(recipe.parameters(product.features, names, seed), data, recipe.rounds)


def _margins(booster: Any, inputs: Floats32) -> Floats:
    data = need("xgboost").DMatrix(inputs, feature_names=booster.feature_names)
    return np.asarray(booster.predict(data, output_margin=True), dtype=np.float64)
