"""Looking for a better recipe: bounded, seeded, and judged out of time inside the loans that may train.

Each candidate is grown on the first 50, 65 and 80 % of the loans and judged on the loans that follow, by log loss, with
early stopping. The loans that calibrate, and those that test, have no say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from meridian.features import FeatureSet
from meridian.training.growing.engine import LOCAL, Engine, Inputs, Part, Rows
from meridian.training.growing.recipes import Recipe

CUTS = (0.5, 0.65, 0.8)
DEPTHS = (2, 3, 4)
"""A path that tests more features makes tables larger, and reasons no truer."""
LEAST_WATCHED = 100
"""Of either outcome: what fewer say of when to stop is mostly chance, and stops too early."""
MARGIN = 0.0005
"""Of log loss: what is better by less is not better, and the recipe stays as it is."""


@dataclass(frozen=True)
class Found:
    """What a search came to. The log losses are means over its folds; `tried` counts candidates, the first included."""

    recipe: Recipe
    tried: int
    log_loss: float
    log_loss_before: float


def candidates(first: Recipe, count: int, seed: int) -> list[Recipe]:
    """The recipe itself, and others drawn around it; never more rounds than it has."""
    random = np.random.default_rng(seed)
    drawn = [
        replace(
            first,
            max_depth=int(random.choice(DEPTHS)),
            eta=round(float(np.exp(random.uniform(np.log(0.02), np.log(0.2)))), 4),
            min_child_weight=round(float(np.exp(random.uniform(np.log(5), np.log(200)))), 1),
            subsample=round(float(random.uniform(0.5, 1.0)), 2),
            colsample_bytree=round(float(random.uniform(0.3, 1.0)), 2),
        )
        for _ in range(count - 1)
    ]
    return [first, *drawn]


def folds(inputs: Inputs, target: NDArray[np.float64], period: NDArray[np.int64]) -> list[tuple[Part, Part]]:
    """Loans to learn from and loans to watch, by whole periods; a cut is left out where too few are watched."""
    rows = inputs if isinstance(inputs, Rows) else Rows.of(inputs)
    ordered = np.sort(period)
    cuts = dict.fromkeys(int(ordered[int(len(ordered) * share)]) for share in CUTS)
    parts = [(period < cut, period >= cut) for cut in cuts]
    return [
        ((rows[learns], target[learns]), (rows[watched], target[watched]))
        for learns, watched in parts
        if target[learns].any() and min(target[watched].sum(), (1 - target[watched]).sum()) >= LEAST_WATCHED
    ]


def search(
    features: FeatureSet,
    first: Recipe,
    names: tuple[str, ...],
    parts: Iterable[tuple[Part, Part]],
    count: int,
    seed: int,
    progress: Callable[[float], None] = lambda _share: None,
    engine: Engine = LOCAL,
) -> Found:
    """The best of so many candidates, with as many rounds as helped; the first of those that are as good."""
    placed = [(engine.place(learns), engine.place(watched)) for learns, watched in parts]
    tried = candidates(first, count, seed)

    def judged(recipe: Recipe) -> tuple[int, float]:
        runs = [engine.rounds_that_help(features, recipe, names, learns, watched, seed) for learns, watched in placed]
        return int(median(rounds for rounds, _ in runs)), fmean(loss for _, loss in runs)

    results: list[tuple[int, float]] = []
    with ThreadPoolExecutor(engine.at_once) as threads:
        # One after the other is done here, where Ctrl-C ends it at once and not after the candidate.
        each = map(judged, tried) if engine.at_once == 1 else threads.map(judged, tried)
        for result in each:
            results.append(result)
            progress(len(results) / len(tried))
    losses = [loss for _, loss in results]
    best = min(range(len(tried)), key=lambda i: (losses[i] > losses[0] - MARGIN and i > 0, losses[i]))
    return Found(replace(tried[best], rounds=results[best][0]), len(tried), losses[best], losses[0])
