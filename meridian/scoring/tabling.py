"""Making leaf tables: an ensemble of trees held against a reference population, once, when a model is frozen.

The value of a coalition is the expectation over the reference population with the coalition's features set to the
applicant's (interventional Shapley values: Janzing, Minorics, Bloebaum, 2020). For one leaf and one reference row, with
A the conditions only the applicant meets and B those only the reference meets, each of A has the value
leaf * (|A|-1)! |B|! / (|A|+|B|)! and each of B has -leaf * |A|! (|B|-1)! / (|A|+|B|)!, provided that every condition is
met by one of the two.
"""

from __future__ import annotations

from functools import cache
from math import factorial, fsum

import numpy as np
from numpy.typing import NDArray

from meridian.errors import NotReady
from meridian.scoring.leaf_tables import Conditions, LeafTables
from meridian.scoring.trees import OTHER, Ensemble, Leaf

MAX_CONDITIONS = 8
"""A pattern is a byte."""
MAX_CODES = 1000


def make_tables(ensemble: Ensemble, reference: NDArray[np.float32]) -> LeafTables:
    """The tables of an ensemble against a reference population of shape (rows, features), NaN where missing.

    What is added up is whole numbers, or is rounded once: the same model and population give the same bits on every
    machine. Raises `NotReady` for a population of another shape, or a path that tests too many features.
    """
    width, leaves = len(ensemble.features), ensemble.leaves
    if reference.ndim != 2 or reference.shape[1] != width or not len(reference):
        raise NotReady(f"The reference population has shape {reference.shape}; rows by {width} features are needed.")
    depth = max((len(leaf.conditions) for leaf in leaves), default=0)
    if depth > MAX_CONDITIONS:
        raise NotReady(f"A path tests {depth} features; at most {MAX_CONDITIONS} can be tabled. Train shallower trees.")
    slots = max(depth, 1)
    conditions = _laid_out(leaves, slots)
    counts = _counts(conditions, reference)
    values = np.array([leaf.value for leaf in leaves])
    shares = np.tensordot(counts, _weights(slots), axes=(1, 1)) / (len(reference) * factorial(slots))
    reached = fsum((counts[:, -1] * values).tolist()) / len(reference)
    return LeafTables(ensemble.features, conditions, shares * values[:, None, None], ensemble.base_margin + reached)


def _laid_out(leaves: tuple[Leaf, ...], slots: int) -> Conditions:
    shape = (len(leaves), slots)
    conditions = Conditions(
        feature=np.full(shape, -1, dtype=np.int16),
        low=np.full(shape, -np.inf, dtype=np.float32),
        high=np.full(shape, np.inf, dtype=np.float32),
        missing=np.ones(shape, dtype=bool),
        accepts=_all_accepted(leaves, shape),
    )
    named = _named(leaves)
    for i, leaf in enumerate(leaves):
        for j, one in enumerate(leaf.conditions):
            conditions.feature[i, j], conditions.missing[i, j] = one.feature, one.missing
            conditions.low[i, j], conditions.high[i, j] = one.low, one.high
            if conditions.accepts is not None and one.accepts is not None:
                # What no split names goes where all other values go.
                conditions.accepts[i, j] = OTHER in one.accepts
                conditions.accepts[i, j, sorted(named[one.feature])] = False
                conditions.accepts[i, j, sorted(one.accepts - {OTHER})] = True
    return conditions


def _named(leaves: tuple[Leaf, ...]) -> dict[int, set[int]]:
    """Of each feature the categories that any leaf accepts by name."""
    named: dict[int, set[int]] = {}
    for leaf in leaves:
        for one in leaf.conditions:
            if one.accepts is not None:
                named.setdefault(one.feature, set()).update(one.accepts - {OTHER})
    return named


def _all_accepted(leaves: tuple[Leaf, ...], shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Every category met, as many as there are; None where no tree splits by categories."""
    codes = [max(one.accepts, default=OTHER) for leaf in leaves for one in leaf.conditions if one.accepts is not None]
    if not codes:
        return None
    if max(codes) >= MAX_CODES:
        raise NotReady(f"A tree splits by the category {max(codes)}; at most {MAX_CODES} can be tabled.")
    return np.ones((*shape, max(codes) + 2), dtype=bool)


def _counts(conditions: Conditions, reference: NDArray[np.float32]) -> NDArray[np.float64]:
    """How many of the reference give each leaf each pattern; shape (leaves, patterns)."""
    leaves, slots = conditions.feature.shape
    counts = np.zeros((leaves, 1 << slots))
    for row in reference:
        counts[np.arange(leaves), conditions.pattern_of(row)] += 1
    return counts


@cache
def _weights(slots: int) -> NDArray[np.float64]:
    """Weights of shape (applicant's pattern, reference's pattern, slot) for a leaf of value one, times slots!, which
    makes them whole numbers.
    """
    size, whole = 1 << slots, factorial(slots)
    weights = np.zeros((size, size, slots))
    for p in range(size):
        for q in range(size):
            if (p | q) != size - 1:
                continue
            only_p, only_q = p & ~q, q & ~p
            a, b = only_p.bit_count(), only_q.bit_count()
            for j in range(slots):
                if only_p >> j & 1:
                    weights[p, q, j] = whole * factorial(a - 1) * factorial(b) // factorial(a + b)
                elif only_q >> j & 1:
                    weights[p, q, j] = -(whole * factorial(a) * factorial(b - 1) // factorial(a + b))
    return weights
