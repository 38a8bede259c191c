"""Leaf tables: exact interventional Shapley contributions by look-up.

A row gives every leaf a bit pattern: which of the conditions on its path the row meets. Against one reference row, the
Shapley value of a condition for that leaf depends on the two patterns alone, so it is averaged over the reference
population once, when the tables are made (`tabling`), into `values[leaf, pattern, slot]`. To score is then to look up
the patterns, look up their values and add them up; the margin is the base plus the sum of the contributions, so that a
score and its reasons are one computation and cannot disagree.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 128
LEAVES_AT_ONCE = 2048
"""The patterns of so many leaves are kept together: what they take grows with leaves times thresholds."""

ALWAYS, ACCEPTS = ("feature", "low", "high", "missing"), "accepts"

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Conditions:
    """What each leaf asks of a row, as arrays of shape (leaves, slots): low <= value < high, or missing where allowed.

    `feature` is the position of the one that is asked about; in an unused slot it is -1, and the condition always met.
    Where trees split by categories, `accepts` has shape (leaves, slots, codes + 1): which codes are met, and last
    whether any other value is; without limits, and all true where a feature has no categories.
    """

    feature: NDArray[np.int16]
    low: Floats32
    high: Floats32
    missing: NDArray[np.bool_]
    accepts: NDArray[np.bool_] | None = None

    def met_by(self, values: Any) -> NDArray[np.bool_]:
        """Which are met by values of float32, as XGBoost compares; in unused slots always."""
        # +inf itself lies in the topmost interval, which `value < inf` would deny.
        inside = (values >= self.low) & ((values < self.high) | np.isinf(self.high))
        if self.accepts is not None:
            other = self.accepts.shape[2] - 1
            known = (values >= 0) & (values < other)
            codes = np.where(known, np.where(known, values, 0).astype(np.int64), other)
            codes = np.broadcast_to(codes, self.feature.shape)[..., None]
            inside &= np.take_along_axis(self.accepts, codes, axis=2)[..., 0]
        return np.where(np.isnan(values), self.missing, inside) | (self.feature < 0)

    def pattern_of(self, row: Floats32) -> NDArray[np.uint8]:
        """The pattern that a row gives to each leaf; shape (leaves,)."""
        return _packed(self.met_by(np.append(row, np.float32(0))[self.feature]))


class LeafTables:
    """An ensemble against its reference population, ready to score.

    `values` has shape (leaves, 2 ** slots, slots). `base` is the reference population's mean margin; contributions are
    in margin (log-odds) and sum to margin - base.
    """

    def __init__(self, features: tuple[str, ...], conditions: Conditions, values: Floats, base: float):
        self.features = features
        self.base = base
        self._conditions, self._values = conditions, values
        parts = [slice(start, start + LEAVES_AT_ONCE) for start in range(0, max(len(values), 1), LEAVES_AT_ONCE)]
        self._parts = [_Part(len(features), _some(conditions, leaves), values[leaves]) for leaves in parts]

    def contributions(self, row: Floats32) -> Floats:
        """Each feature's contribution to one row's margin; shape (features,)."""
        total = self._parts[0].contributions(row)
        for part in self._parts[1:]:
            total = total + part.contributions(row)
        return total

    def contributions_of(self, rows: Floats32) -> Floats:
        """The same for many rows; shape (rows, features)."""
        result = np.zeros((len(rows), len(self.features)))
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block = rows[start : start + ROWS_AT_ONCE]
            for part in self._parts:
                result[start : start + len(block)] += part.contributions_of(block)
        return result

    def to_npz(self) -> bytes:
        """The tables as a file: the same tables, the same bytes."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {**_arrays(self._conditions), "values": self._values, "base": np.float64(self.base)}
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_npz(cls, features: tuple[str, ...], content: bytes) -> LeafTables:
        """The tables that were written. Raises `KeyError`, `ValueError` for what is no such file."""
        if not content.startswith(b"PK"):
            raise ValueError("it is no archive of arrays")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays: Mapping[str, NDArray[Any]] = {name: file[name] for name in file.files}
        base = float(arrays["base"])
        conditions = Conditions(**{name: arrays[name] for name in (*ALWAYS, *({ACCEPTS} & arrays.keys()))})
        return cls(features, conditions, arrays["values"], base)


class _Part:
    """Some of the leaves.

    The limits of a feature cut its values into ranges, and all values of a range meet the same conditions: `_patterns`
    has for each range of each feature, and for missing, the bits that it gives to every leaf.
    """

    def __init__(self, width: int, conditions: Conditions, values: Floats):
        leaves, self._slots = conditions.feature.shape
        self._width = width
        self._feature = np.where(conditions.feature < 0, width, conditions.feature).ravel().astype(np.int64)
        self._table = np.ascontiguousarray(values.reshape(-1, self._slots))
        self._first = np.arange(leaves, dtype=np.int64) << self._slots
        self._read = np.unique(conditions.feature[conditions.feature >= 0]).astype(np.int64)
        self._always = _packed(conditions.feature < 0)
        limits = [_limits(conditions, feature) for feature in self._read.tolist()]
        counts = np.array([len(one) for one in limits], dtype=np.int64)
        self._limits = np.concatenate([*limits, np.empty(0, np.float32)])
        self._limits_from = np.cumsum(counts) - counts
        self._limits_of = np.repeat(self._read, counts)
        # Of each feature: one pattern before its first limit, one after each, and one for missing.
        self._below = np.cumsum(counts + 2) - (counts + 2)
        self._missing = self._below + counts + 1
        self._patterns = np.array(
            [
                pattern
                for feature, cuts in zip(self._read.tolist(), limits, strict=True)
                for pattern in _patterns(conditions, feature, cuts)
            ],
            dtype=np.uint8,
        ).reshape(-1, leaves)

    def contributions(self, row: Floats32) -> Floats:
        """Of one row; the same bits as `contributions_of`."""
        met = self._always
        if len(self._read):
            ranks = np.add.reduceat(row[self._limits_of] >= self._limits, self._limits_from, dtype=np.int64)
            which = np.where(np.isnan(row[self._read]), self._missing, self._below + ranks)
            met = met | np.bitwise_or.reduce(self._patterns[which], axis=0)
        values = self._table.take(self._first + met, axis=0)
        summed = np.bincount(self._feature, weights=values.ravel(), minlength=self._width + 1)
        return np.asarray(summed, dtype=np.float64)[: self._width]

    def contributions_of(self, rows: Floats32) -> Floats:
        """Of many rows; see `LeafTables`."""
        met = np.repeat(self._always[None, :], len(rows), axis=0)
        cuts = np.split(self._limits, self._limits_from[1:])
        for feature, limits, below, missing in zip(self._read, cuts, self._below, self._missing, strict=True):
            column = rows[:, feature]
            ranks = np.searchsorted(limits, column, side="right")
            met |= self._patterns[np.where(np.isnan(column), missing, below + ranks)]
        values = self._table.take(self._first + met, axis=0)
        summed = np.bincount(
            self._cells[: values.size], weights=values.ravel(), minlength=len(rows) * (self._width + 1)
        )
        return np.asarray(summed, dtype=np.float64).reshape(len(rows), -1)[:, : self._width]

    @cached_property
    def _cells(self) -> NDArray[np.int64]:
        """Where in the result each value of a full block is added."""
        return (np.arange(ROWS_AT_ONCE)[:, None] * (self._width + 1) + self._feature).ravel()


def _limits(conditions: Conditions, feature: int) -> Floats32:
    """Where the conditions on a feature begin and end, in order, each once."""
    asked = conditions.feature == feature
    cuts = np.unique(np.concatenate([conditions.low[asked], conditions.high[asked]]))
    if conditions.accepts is not None and not conditions.accepts[asked].all():
        return np.arange(conditions.accepts.shape[2], dtype=np.float32)
    finite = cuts[np.isfinite(cuts)]
    # Asked for nothing but whether it is there: any limit will do.
    return finite if len(finite) else np.zeros(1, np.float32)


def _patterns(conditions: Conditions, feature: int, cuts: Floats32) -> Iterator[NDArray[np.uint8]]:
    """What a value gives to each leaf: below the first limit, from each on, and missing."""
    asked = conditions.feature == feature
    # A range's smallest value stands for it.
    for value in (np.float32(-np.inf), *cuts, np.float32(np.nan)):
        yield _packed(asked & conditions.met_by(value))


def _some(conditions: Conditions, leaves: slice) -> Conditions:
    return Conditions(**{name: array[leaves] for name, array in _arrays(conditions).items()})


def _arrays(conditions: Conditions) -> dict[str, NDArray[Any]]:
    """Those that there are: without categories the same bytes as ever."""
    return {name: array for name, array in vars(conditions).items() if array is not None}


def _packed(met: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Each leaf's pattern, of which conditions are met; shape (leaves,)."""
    return np.packbits(met, axis=1, bitorder="little")[:, 0]
