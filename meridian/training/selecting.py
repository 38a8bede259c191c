"""Choosing a model's features: as few as fit its budget, and what the others would have brought.

Backward: from all candidates the weakest quarter is left out, again and again, down to the budget. How weak a feature
is, is judged by what its splits gain on the earlier training loans, and what leaving it out costs by the AUC on the
later ones. The loans that test have no say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meridian.errors import InvalidTrainingData
from meridian.extra import need
from meridian.features import FeatureSet
from meridian.training.fit import split_for_calibration
from meridian.training.frame import Frame
from meridian.training.growing.grow import grow, margins_of
from meridian.training.growing.recipes import SEED, Recipe

LEFT_OUT = 0.25


@dataclass(frozen=True)
class Step:
    """How well so many features do: AUC on the later training loans."""

    features: tuple[str, ...]
    auc: float


@dataclass(frozen=True)
class Selection:
    """From all candidates, the first step, down to the budget, the last."""

    steps: tuple[Step, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """The features chosen, in the order of their definitions."""
        return self.steps[-1].features

    @property
    def cost(self) -> float:
        """What it costs in AUC not to have the others."""
        return self.steps[0].auc - self.steps[-1].auc


def select(
    features: FeatureSet,
    frame: Frame,
    candidates: Sequence[str],
    budget: int,
    recipe: Recipe,
    seed: int = SEED,
    progress: Callable[[float], None] = lambda _share: None,
) -> Selection:
    """Choose at most `budget` of the candidates for a model of that recipe.

    Raises `InvalidTrainingData` for a budget of none, and where there are too few loans or defaults.
    """
    if budget < 1:
        raise InvalidTrainingData(f"A budget of {budget} features leaves no model; give 1 or more.")
    earlier, later, _ = split_for_calibration(frame)
    roc_auc_score = need("sklearn.metrics").roc_auc_score
    names, steps = tuple(candidates), list[Step]()
    while True:
        inputs = frame.inputs(names)
        booster = grow(features, recipe, names, inputs[earlier], frame.target[earlier], seed)
        auc = float(roc_auc_score(frame.target[later], margins_of(booster, inputs[later])))
        steps.append(Step(names, round(auc, 6)))
        progress(min(1.0, budget / len(names)))
        if len(names) <= budget:
            return Selection(tuple(steps))
        gains = booster.get_score(importance_type="total_gain")
        keep = max(budget, int(len(names) * (1 - LEFT_OUT)))
        strongest = sorted(names, key=lambda name: (-gains.get(name, 0.0), name))[:keep]
        names = tuple(name for name in names if name in set(strongest))
