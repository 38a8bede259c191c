"""The scorer: a vector of features in, a probability of default with its contributions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meridian.scoring.calibration import Calibration, PointsScale
from meridian.scoring.leaf_tables import LeafTables


@dataclass(frozen=True)
class Score:
    """What a model says of one applicant.

    `pd` is the calibrated probability of default; `contributions` are each feature's share in the
    calibrated log-odds, against the reference population: positive raises risk.
    """

    pd: float
    points: int
    contributions: Mapping[str, float]


@dataclass(frozen=True)
class Scorer:
    """A frozen model: tables, calibration and scale, known by the hash of its manifest."""

    name: str
    sha256: str
    reference_sha256: str
    """Of the file with the population that contributions are measured against."""
    tables: LeafTables
    calibration: Calibration
    scale: PointsScale

    @property
    def features(self) -> tuple[str, ...]:
        """The features the model reads, in its order."""
        return self.tables.features

    def score(self, values: Mapping[str, float]) -> Score:
        """Score one applicant. `values` has every feature by name, NaN where it is not known."""
        with np.errstate(over="ignore"):  # beyond float32 is infinity, which lies in an outermost interval
            row = np.fromiter((values[name] for name in self.features), np.float32, len(self.features))
        return self._score(self.tables.contributions(row))

    def scores(self, many: Sequence[Mapping[str, float]]) -> list[Score]:
        """Score many applicants at once: the very scores that `score` gives them one by one."""
        with np.errstate(over="ignore"):
            rows = np.array([[values[name] for name in self.features] for values in many], dtype=np.float32)
        return [self._score(shares) for shares in self.tables.contributions_of(rows.reshape(len(many), -1))]

    def _score(self, shares: NDArray[np.float64]) -> Score:
        margin = self.tables.base + float(shares.sum())
        stretch = self.calibration.stretch(margin, self.tables.base)
        return Score(
            pd=self.calibration.pd(margin),
            points=self.scale.points(self.calibration.log_odds(margin)),
            contributions=dict(zip(self.features, (shares * stretch).tolist(), strict=True)),
        )

    def contributions_of(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Each feature's share in the calibrated log-odds of many applicants; shape (applicants, features)."""
        shares = self.tables.contributions_of(rows)
        margins = self.tables.base + shares.sum(axis=1)
        stretches = [self.calibration.stretch(margin, self.tables.base) for margin in margins.tolist()]
        return np.asarray(shares * np.array(stretches)[:, None])

    def pds(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of default of many applicants; `rows` has shape (applicants, features)."""
        return self.calibration.pds(self.margins(rows))

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The model's margins of many applicants, before calibration."""
        return np.asarray(self.tables.base + self.tables.contributions_of(rows).sum(axis=1))
