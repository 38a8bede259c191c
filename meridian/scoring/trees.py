"""XGBoost's JSON model, read without XGBoost: trees as leaves, each with the conditions on the way to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meridian.errors import NotReady


@dataclass(frozen=True)
class Condition:
    """What one feature must meet on the way to a leaf: low <= value < high, or missing where allowed."""

    feature: int
    low: float
    high: float
    missing: bool


@dataclass(frozen=True)
class Leaf:
    """A leaf's value (margin) and its conditions, one for each distinct feature on its path."""

    value: float
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Ensemble:
    """All leaves of all trees, and the margin they are added to."""

    leaves: tuple[Leaf, ...]
    base_margin: float
    features: tuple[str, ...]


def parse_xgboost_json(document: Mapping[str, Any]) -> Ensemble:
    """The leaves of a binary:logistic gbtree model as `Booster.save_model('m.json')` writes it.

    Raises `NotReady` for what this scorer does not reproduce: other boosters and objectives,
    categorical splits, several targets.
    """
    learner = document["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree" or learner["objective"]["name"] != "binary:logistic":
        raise NotReady(
            f"The model is {booster['name']} with {learner['objective']['name']}; "
            "only gbtree with binary:logistic can be scored. Train it again with `meridian train`."
        )
    probability = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    leaves: list[Leaf] = []
    for tree in booster["model"]["trees"]:
        if any(tree["split_type"]) or len(tree["base_weights"]) != len(tree["left_children"]):
            raise NotReady("The model splits on categories or has several targets, which this scorer does not read.")
        _walk(tree, 0, {}, leaves)
    return Ensemble(tuple(leaves), math.log(probability / (1 - probability)), tuple(learner.get("feature_names", ())))


def _walk(tree: Mapping[str, Any], node: int, path: dict[int, Condition], leaves: list[Leaf]) -> None:
    left, right = tree["left_children"][node], tree["right_children"][node]
    threshold = float(tree["split_conditions"][node])
    if left == -1:
        leaves.append(Leaf(threshold, tuple(path.values())))  # a leaf keeps its value where a split keeps its limit
        return
    feature = tree["split_indices"][node]
    so_far = path.get(feature, Condition(feature, -math.inf, math.inf, True))
    default_left = bool(tree["default_left"][node])
    below = Condition(feature, so_far.low, min(so_far.high, threshold), so_far.missing and default_left)
    above = Condition(feature, max(so_far.low, threshold), so_far.high, so_far.missing and not default_left)
    _walk(tree, left, {**path, feature: below}, leaves)
    _walk(tree, right, {**path, feature: above}, leaves)
