"""Fitting: a frame becomes a monotone, calibrated model with its reference population, proved equal to XGBoost.

The loans that may train are cut once more in time. A first model learns from the earlier months and is
calibrated on the later ones, which it has not seen (about the last fifth); then the model that is kept
is grown the same way from all of them, with that calibration: the newest loans are the most like those
to come, and what the first model learnt about its own over-confidence holds for its twin.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidTrainingData
from meridian.policy import Bands
from meridian.products import Product
from meridian.registry import Purpose, features_for
from meridian.registry.bundle import model_files
from meridian.scoring import Calibration, PointsScale, Scorer, make_tables, parse_xgboost_json
from meridian.training.calibrate import Method, calibrate
from meridian.training.frame import Frame
from meridian.training.growing.engine import LOCAL, Engine, Part, Rows
from meridian.training.growing.recipes import RECIPES, SEED, Recipe
from meridian.training.growing.search import LEAST_WATCHED, Found, folds, search
from meridian.training.rejects import Rejects, infer

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

    `files` are those of `registry.bundle.model_files`; `pds` the calibrated PD of every loan of the frame; `gain` each
    feature's mean gain a split, absent where no tree splits on it.
    """

    features: tuple[str, ...]
    files: Mapping[str, bytes]
    reference: Floats32
    calibration: Calibration
    scale: PointsScale
    scorer: Scorer
    pds: Floats
    calibrated_from: int
    gain: Mapping[str, float]
    found: Found
    """The recipe, and how it was come by."""
    engine: Mapping[str, Any]
    """What is to be told of where it was grown."""

    @property
    def training(self) -> dict[str, Any]:
        """How it was grown, as JSON values."""
        searched = {"tried": self.found.tried, "log_loss": self.found.log_loss, "before": self.found.log_loss_before}
        return {
            "recipe": asdict(self.found.recipe),
            "calibration": Method.ISOTONIC.value if self.calibration.knots else Method.LOGISTIC.value,
            **self.engine,
            **({"search": {k: round(v, 6) for k, v in searched.items()}} if self.found.tried > 1 else {}),
        }


@dataclass(frozen=True)
class Options:
    """What may be chosen. `search`: how many recipes are tried, the purpose's own among them; 0: none but that.
    `rejects`: the declined, where they are to be taken in. `engine`: where trees are grown.
    """

    seed: int = SEED
    calibration: Method = Method.LOGISTIC
    search: int = 0
    rejects: Rejects | None = None
    engine: Engine = LOCAL


DEFAULTS = Options()


def fit(
    product: Product,
    frame: Frame,
    purpose: Purpose,
    options: Options = DEFAULTS,
    progress: Callable[[float], None] = lambda _share: None,
) -> Fitted:
    """Fit a product's model for a purpose. The same frame and options give the same bytes.

    Raises `InvalidTrainingData` where there are too few defaults, or the model does not rank the
    months it was calibrated on; `RuntimeError` where the scorer does not reproduce XGBoost.
    """
    names, seed, engine = features_for(product, purpose), options.seed, options.engine
    inputs = Rows.of(frame.matrix, [frame.names.index(name) for name in names])
    earlier, later, calibrated_from = split_for_calibration(frame)
    found = _recipe(product, purpose, names, (inputs[earlier], frame.target[earlier]), frame.period[earlier], options,
                    progress)  # fmt: skip
    first = _grown(product, found.recipe, names, (inputs[earlier], frame.target[earlier]), options)
    calibration = calibrate(engine.margins_of(first, inputs[later]), frame.target[later], options.calibration)
    booster = _grown(product, found.recipe, names, (inputs[frame.trains], frame.target[frame.trains]), options)
    margins = engine.margins_of(booster, inputs)
    pds = calibration.pds(margins)
    model = bytes(booster.save_raw("json"))
    training = np.flatnonzero(frame.trains)
    just_approved = training[reference_population(pds[training], product.policy.at(purpose.rung).bands, seed)]
    reference = np.asarray(inputs[just_approved])
    scorer = Scorer(
        name=f"{product.name}-{purpose}",
        sha256="",
        reference_sha256="",
        tables=make_tables(parse_xgboost_json(json.loads(model)), reference),
        calibration=calibration,
        scale=PointsScale(),
    )
    prove(scorer, inputs, margins, seed)
    return Fitted(
        features=tuple(names),
        files=model_files(model, reference, scorer.tables),
        reference=reference,
        calibration=calibration,
        scale=scorer.scale,
        scorer=scorer,
        pds=pds,
        calibrated_from=calibrated_from,
        gain={name: float(value) for name, value in booster.get_score(importance_type="gain").items()},
        found=found,
        engine=engine.told,
    )


def _grown(product: Product, recipe: Recipe, names: tuple[str, ...], loans: Part, options: Options) -> Any:
    """A model of granted loans; where the declined are to be taken in, grown once more with what it says of them."""
    engine, rejects = options.engine, options.rejects
    booster = engine.grow(product.features, recipe, names, loans, options.seed, None)
    if rejects is None:
        return booster
    inputs, target = loans
    declined = rejects.inputs(names)
    pds, granted = (Calibration().pds(engine.margins_of(booster, rows)) for rows in (declined, inputs))
    more = infer(rejects, declined, pds, (granted, target), options.seed)
    both = np.vstack([np.asarray(inputs), more.inputs]), np.concatenate([target, more.target])
    weight = np.concatenate([np.ones(len(target)), more.weight])
    return engine.grow(product.features, recipe, names, both, options.seed, weight)


def _recipe(
    product: Product,
    purpose: Purpose,
    names: tuple[str, ...],
    loans: Part,
    period: NDArray[np.int64],
    options: Options,
    progress: Callable[[float], None],
) -> Found:
    """The purpose's recipe, or a better one where it is to be searched for, with no more rounds than help."""
    first, parts = RECIPES[purpose], folds(*loans, period)
    if not parts:
        if options.search:
            raise InvalidTrainingData(
                f"There are too few loans to search for a recipe: {LEAST_WATCHED} defaults are needed to judge one by."
            )
        return Found(first, 0, math.nan, math.nan)
    # Without a search only the newest loans are watched: they are the most like those to come.
    watched = parts if options.search else parts[-1:]
    found = search(product.features, first, names, watched, max(options.search, 1), options.seed, progress,
                   options.engine)  # fmt: skip
    # Of more loans more can be learnt: rounds that helped on a part of them are too few for all.
    more = len(loans[1]) / fmean(len(target) for (_, target), _ in watched)
    rounds = min(first.rounds, math.ceil(found.recipe.rounds * more))
    return replace(found, recipe=replace(found.recipe, rounds=rounds))


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


def prove(scorer: Scorer, inputs: Rows, margins: Floats, seed: int) -> None:
    """Hold the scorer against XGBoost's margins on 1000 loans, one by one and in bulk.

    Raises `RuntimeError` on a difference above 1e-5: such a model must never be saved.
    """
    rows = np.random.default_rng(seed).permutation(len(inputs))[:PROOF_ROWS]
    tables, sample = scorer.tables, np.asarray(inputs[rows])
    bulk = tables.contributions_of(sample)
    single = np.stack([tables.contributions(row) for row in sample[:50]])
    worst = float(np.abs(tables.base + bulk.sum(axis=1) - margins[rows]).max())
    apart = float(np.abs(single - bulk[:50]).max())
    if not (worst <= TOLERANCE and apart <= TOLERANCE):
        raise RuntimeError(
            f"{scorer.name}: the leaf tables differ from XGBoost by {worst:.2e} and one row from many by {apart:.2e}; "
            "the model is not saved"
        )
