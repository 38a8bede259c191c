"""From a model's margin to a probability of default, and from that to points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NEAR = 1e-7


@dataclass(frozen=True)
class Calibration:
    """Calibrated log-odds of default of a margin, always rising, so that ranks hold.

    Logistic (Platt, 1999): slope * margin + intercept. Isotonic, where there are `knots`, pairs of a margin and its
    log-odds: straight between them, and beyond the first and the last with the slope.
    """

    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ValueError(f"a calibration slope of {self.slope} would turn the ranks over; it must be positive")
        if not all(x < next_x and y < next_y for (x, y), (next_x, next_y) in pairwise(self.knots)):
            raise ValueError("a calibration whose knots do not rise would turn the ranks over")

    def log_odds(self, margin: float) -> float:
        """Calibrated log-odds of default."""
        return float(self.log_odds_of(np.array([margin]))[0]) if self.knots else self.slope * margin + self.intercept

    def log_odds_of(self, margins: Floats) -> Floats:
        """The same of many."""
        if not self.knots:
            return np.asarray(self.slope * margins + self.intercept)
        xs, ys = np.array(self.knots).T
        beyond = np.minimum(margins - xs[0], 0.0) + np.maximum(margins - xs[-1], 0.0)
        return np.asarray(np.interp(margins, xs, ys) + self.slope * beyond)

    def stretch(self, margin: float, base: float) -> float:
        """How much a margin's distance from the base in log-odds is of that in margin; positive.

        By it contributions in margin become contributions in log-odds that add up as well.
        """
        # Nearer, a difference of the two is mostly rounding.
        if not self.knots or abs(margin - base) < NEAR:
            return self.slope
        return (self.log_odds(margin) - self.log_odds(base)) / (margin - base)

    def pd(self, margin: float) -> float:
        """Calibrated probability of default, 0 to 1."""
        # Beyond 700 the exponential overflows, and the probability is zero to any digit.
        return 1.0 / (1.0 + math.exp(min(-self.log_odds(margin), 700.0)))

    def pds(self, margins: Floats) -> Floats:
        """The same of many."""
        return np.asarray(1.0 / (1.0 + np.exp(np.minimum(-self.log_odds_of(margins), 700.0))))

    def document(self) -> dict[str, Any]:
        """As JSON values; a logistic one has no knots to show."""
        fields = asdict(self)
        knots = [list(knot) for knot in fields.pop("knots")]
        return {**fields, "knots": knots} if knots else fields

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Calibration:
        """As it was written."""
        fields = dict(document)
        return cls(knots=tuple((float(x), float(y)) for x, y in fields.pop("knots", ())), **fields)


@dataclass(frozen=True)
class PointsScale:
    """Points rise as risk falls: `base_points` at `base_odds` good to one bad, `pdo` more points double the odds."""

    base_points: float = 600.0
    base_odds: float = 50.0
    pdo: float = 20.0

    def points(self, log_odds_of_default: float) -> int:
        """The score in points, rounded."""
        factor = self.pdo / math.log(2)
        return round(self.base_points + factor * (-log_odds_of_default - math.log(self.base_odds)))
