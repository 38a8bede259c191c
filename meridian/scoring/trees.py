"""XGBoost's JSON model, read without XGBoost: trees as leaves, each with the conditions on the way to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from meridian.errors import NotReady

OTHER = -1
"""Stands for every value that is none of a feature's categories: for XGBoost what it never saw, or is below 0."""


@dataclass(frozen=True)
class Condition:
    """What one feature must meet on the way to a leaf: low <= value < high, or missing where allowed.

    One that is split by categories must be among `accepts`, its codes or `OTHER`, and has no limits.
    """

    feature: int
    low: float
    high: float
    missing: bool
    accepts: frozenset[int] | None = None


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

    Raises `NotReady` for what this scorer does not reproduce: other boosters and objectives, several targets.
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
    trees = booster["model"]["trees"]
    codes = _codes(trees)
    for tree in trees:
        if len(tree["base_weights"]) != len(tree["left_children"]):
            raise NotReady("The model has several targets, which this scorer does not read.")
        _walk(tree, codes, 0, {}, leaves)
    return Ensemble(tuple(leaves), math.log(probability / (1 - probability)), tuple(learner.get("feature_names", ())))


def _codes(trees: Sequence[Mapping[str, Any]]) -> dict[int, frozenset[int]]:
    """Of each feature that is split by categories, those that any split names, and `OTHER`."""
    codes: dict[int, frozenset[int]] = {}
    for tree in trees:
        for node in tree["categories_nodes"]:
            feature = tree["split_indices"][node]
            codes[feature] = codes.get(feature, frozenset({OTHER})) | _right_of(tree, node)
    return codes


def _right_of(tree: Mapping[str, Any], node: int) -> frozenset[int]:
    """The categories that a split sends to the right; all else goes to the left."""
    place = tree["categories_nodes"].index(node)
    start = tree["categories_segments"][place]
    return frozenset(tree["categories"][start : start + tree["categories_sizes"][place]])


def _walk(
    tree: Mapping[str, Any], codes: Mapping[int, frozenset[int]], node: int, path: dict[int, Condition],
    leaves: list[Leaf],
) -> None:  # fmt: skip
    left, right = tree["left_children"][node], tree["right_children"][node]
    threshold = float(tree["split_conditions"][node])
    if left == -1:
        leaves.append(Leaf(threshold, tuple(path.values())))  # a leaf keeps its value where a split keeps its limit
        return
    feature = tree["split_indices"][node]
    so_far = path.get(feature, Condition(feature, -math.inf, math.inf, True, codes.get(feature)))
    default_left = bool(tree["default_left"][node])
    if so_far.accepts is None:
        below, above = (
            replace(so_far, high=min(so_far.high, threshold)),
            replace(so_far, low=max(so_far.low, threshold)),
        )
    else:
        to_right = _right_of(tree, node)
        below = replace(so_far, accepts=so_far.accepts - to_right)
        above = replace(so_far, accepts=so_far.accepts & to_right)
    below = replace(below, missing=so_far.missing and default_left)
    above = replace(above, missing=so_far.missing and not default_left)
    _walk(tree, codes, left, {**path, feature: below}, leaves)
    _walk(tree, codes, right, {**path, feature: above}, leaves)
