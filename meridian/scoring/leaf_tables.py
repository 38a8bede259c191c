"""Leaf tables: exact interventional Shapley contributions by look-up.

A row gives every leaf a bit pattern: which of the conditions on its path the row meets. Against one
reference row, the Shapley value of a condition for that leaf depends on the two patterns alone, so it
is averaged over the reference population once, when the tables are made, into `table[leaf, pattern,
slot]`. To score is then one compare, one look-up and one count; the margin is the base plus the sum of
the contributions, so that a score and its reasons are one computation and cannot disagree.

The value of a coalition is the expectation over the reference population with the coalition's features
set to the applicant's (interventional Shapley values: Janzing, Minorics, Bloebaum, 2020). For one leaf
and one reference row, with A the conditions only the applicant meets and B those only the reference
meets, each of A has the value  leaf * (|A|-1)! |B|! / (|A|+|B|)!  and each of B has
-leaf * |A|! (|B|-1)! / (|A|+|B|)!, provided that every condition is met by one of the two.
"""

from __future__ import annotations

from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from meridian.errors import NotReady
from meridian.scoring.trees import Ensemble, Leaf

MAX_CONDITIONS = 8
ROWS_AT_ONCE = 256

Floats = NDArray[np.float64]


class LeafTables:
    """An ensemble with its reference population, ready to score.

    `reference` has shape (rows, features), float32, NaN where missing. `base` is the reference
    population's mean margin; `contributions` are in margin (log-odds) and sum to margin - base.
    """

    def __init__(self, ensemble: Ensemble, reference: NDArray[np.float32]):
        width = len(ensemble.features)
        if reference.ndim != 2 or reference.shape[1] != width or not len(reference):
            raise NotReady(
                f"The reference population has shape {reference.shape}; rows by {width} features are needed."
            )
        leaves = ensemble.leaves
        depth = max((len(leaf.conditions) for leaf in leaves), default=0)
        if depth > MAX_CONDITIONS:
            raise NotReady(
                f"A path tests {depth} features; at most {MAX_CONDITIONS} can be tabled. Train shallower trees."
            )
        self.features = ensemble.features
        self._width = width
        self._slots = max(depth, 1)
        self._lay_out(leaves)
        self._bits = (1 << np.arange(self._slots)).astype(np.int64)
        self._first = np.arange(len(leaves)) * (1 << self._slots)
        # Row i of the table is (leaf, pattern); a column is the slot of a condition.
        self._table = np.ascontiguousarray(self._fill(leaves, reference).reshape(-1, self._slots))
        self.base = ensemble.base_margin + self._mean_margin(leaves, reference)

    def contributions(self, row: NDArray[np.float32]) -> Floats:
        """Each feature's contribution to one row's margin; shape (features,)."""
        met = self._met(row[None, :])[0]
        values = self._table[self._first + met @ self._bits]
        summed: Floats = np.bincount(self._slot_feature, weights=values.ravel(), minlength=self._width + 1)  # type: ignore[assignment]
        return summed[: self._width]

    def contributions_of(self, rows: NDArray[np.float32]) -> Floats:
        """The same for many rows; shape (rows, features)."""
        result = np.empty((len(rows), self._width))
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block = rows[start : start + ROWS_AT_ONCE]
            values = self._table[self._first + self._met(block) @ self._bits].reshape(len(block), -1)
            cells = (np.arange(len(block))[:, None] * (self._width + 1) + self._slot_feature).ravel()
            summed = np.bincount(cells, weights=values.ravel(), minlength=len(block) * (self._width + 1))
            result[start : start + len(block)] = summed.reshape(len(block), -1)[:, : self._width]
        return result

    def _lay_out(self, leaves: tuple[Leaf, ...]) -> None:
        """Conditions as arrays of shape (leaves, slots); an unused slot is always met, by a feature of no one."""
        shape = (len(leaves), self._slots)
        feature = np.full(shape, self._width)
        low = np.full(shape, -np.inf, dtype=np.float32)
        high = np.full(shape, np.inf, dtype=np.float32)
        missing = np.ones(shape, dtype=bool)
        for i, leaf in enumerate(leaves):
            for j, condition in enumerate(leaf.conditions):
                feature[i, j] = condition.feature
                low[i, j], high[i, j] = condition.low, condition.high
                missing[i, j] = condition.missing
        self._slot_feature = feature.ravel()
        self._column = np.minimum(feature, max(self._width - 1, 0)).ravel()
        self._unused = (feature == self._width).ravel()
        # +inf itself lies in the topmost interval, which `value < inf` would deny.
        self._low, self._high = low.ravel(), high.ravel()
        self._open_top = np.isinf(self._high)
        self._missing = missing.ravel()

    def _met(self, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which conditions each row meets; shape (rows, leaves, slots). XGBoost compares in float32."""
        values = rows[:, self._column]
        inside = (values >= self._low) & ((values < self._high) | self._open_top)
        met = np.where(np.isnan(values), self._missing, inside) | self._unused
        return np.asarray(met).reshape(len(rows), -1, self._slots)

    def _patterns(self, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        blocks = [self._met(rows[i : i + ROWS_AT_ONCE]) @ self._bits for i in range(0, len(rows), ROWS_AT_ONCE)]
        return np.concatenate(blocks)

    def _fill(self, leaves: tuple[Leaf, ...], reference: NDArray[np.float32]) -> Floats:
        patterns = self._patterns(reference)
        size = 1 << self._slots
        cells = (np.arange(len(leaves)) * size + patterns).ravel()
        share = np.bincount(cells, minlength=len(leaves) * size).reshape(len(leaves), size) / len(reference)
        leaf_values = np.array([leaf.value for leaf in leaves])
        table = np.tensordot(share, _shapley_weights(self._slots), axes=(1, 1))
        return np.asarray(table * leaf_values[:, None, None])

    def _mean_margin(self, leaves: tuple[Leaf, ...], reference: NDArray[np.float32]) -> float:
        reached = (self._patterns(reference) == (1 << self._slots) - 1).mean(axis=0)
        return float(reached @ np.array([leaf.value for leaf in leaves]))


@cache
def _shapley_weights(slots: int) -> Floats:
    """Weights of shape (applicant's pattern, reference's pattern, slot), for a leaf of value one."""
    size = 1 << slots
    weights = np.zeros((size, size, slots))
    for p in range(size):
        for q in range(size):
            if (p | q) != size - 1:
                continue
            only_p, only_q = p & ~q, q & ~p
            a, b = only_p.bit_count(), only_q.bit_count()
            for j in range(slots):
                if only_p >> j & 1:
                    weights[p, q, j] = factorial(a - 1) * factorial(b) / factorial(a + b)
                elif only_q >> j & 1:
                    weights[p, q, j] = -factorial(a) * factorial(b - 1) / factorial(a + b)
    return weights
