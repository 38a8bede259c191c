"""Where trees are grown: in this process, or on other machines. What is asked of either is the same.

Loans are handed over as rows of a frame that are copied when they are needed and not before, so that an engine that
sends them elsewhere takes them piece by piece.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from meridian.features import FeatureSet
from meridian.training.growing import grow as here
from meridian.training.growing.recipes import Recipe

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Some rows and columns of a matrix of features. `numpy.asarray` copies them out, shape (rows, columns)."""

    matrix: Floats32
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]

    @classmethod
    def of(cls, matrix: Floats32, columns: Sequence[int] | None = None) -> Rows:
        """All rows of a matrix; without columns all of these too."""
        chosen = range(matrix.shape[1]) if columns is None else columns
        return cls(matrix, np.arange(len(matrix)), np.array(chosen, np.intp))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: slice | NDArray[Any]) -> Rows:
        """Some of the rows: a slice, positions, or a mask. Nothing is copied."""
        return Rows(self.matrix, self.rows[which], self.columns)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("Rows of a matrix cannot be had without a copy of them.")
        return np.ascontiguousarray(self.matrix[np.ix_(self.rows, self.columns)], dtype=dtype)


Inputs = Floats32 | Rows
Part = tuple[Inputs, Floats]
"""The inputs of some loans, shape (loans, features), and how each ended: 1.0 for a default."""


class Engine(Protocol):
    """Grows trees and gives their margins. The same loans, recipe and seed give the same trees on the same engine."""

    @property
    def at_once(self) -> int:
        """How many growings may run side by side."""

    @property
    def told(self) -> Mapping[str, Any]:
        """What a manifest says of it, as JSON values; nothing of this process alone."""

    def place(self, loans: Part) -> Any:
        """The loans where they can be grown on more than once; they go when what is returned does."""

    def grow(
        self, features: FeatureSet, recipe: Recipe, names: Sequence[str], loans: Part, seed: int, weight: Floats | None
    ) -> Any:
        """A booster with all of the recipe's rounds; `weight` has one for each loan, or is None where all are alike."""

    def rounds_that_help(
        self, features: FeatureSet, recipe: Recipe, names: Sequence[str], learns: Any, watched: Any, seed: int
    ) -> tuple[int, float]:
        """How many of the recipe's rounds lower the log loss on the watched loans, and the log loss there.

        Both parts were placed.
        """

    def margins_of(self, booster: Any, inputs: Inputs) -> Floats:
        """The margins that XGBoost gives, one for each row."""


@dataclass(frozen=True)
class Local:
    """This process. Each growing has one thread, so that its trees are the same on every machine; a search grows as
    many at once as the machine has processors.
    """

    @property
    def at_once(self) -> int:
        """As many as there are processors."""
        return os.cpu_count() or 1

    @property
    def told(self) -> Mapping[str, Any]:
        """Nothing: a manifest that says nothing of an engine is of this one."""
        return {}

    def place(self, loans: Part) -> Part:
        """Copied out of the frame."""
        inputs, target = loans
        return np.asarray(inputs), target

    def grow(
        self, features: FeatureSet, recipe: Recipe, names: Sequence[str], loans: Part, seed: int, weight: Floats | None
    ) -> Any:
        """See `Engine`."""
        inputs, target = loans
        return here.grow(features, recipe, names, np.asarray(inputs), target, seed, weight)

    def rounds_that_help(
        self, features: FeatureSet, recipe: Recipe, names: Sequence[str], learns: Any, watched: Any, seed: int
    ) -> tuple[int, float]:
        """See `Engine`."""
        return here.rounds_that_help(features, recipe, names, learns, watched, seed)

    def margins_of(self, booster: Any, inputs: Inputs) -> Floats:
        """See `Engine`."""
        return here.margins_of(booster, np.asarray(inputs))


LOCAL = Local()
