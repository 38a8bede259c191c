"""From a model's margin to a probability of default, and from that to points."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Logistic calibration: log-odds = slope * margin + intercept. A positive slope keeps the ranks (Platt, 1999)."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ValueError(f"a calibration slope of {self.slope} would turn the ranks over; it must be positive")

    def log_odds(self, margin: float) -> float:
        """Calibrated log-odds of default."""
        return self.slope * margin + self.intercept

    def pd(self, margin: float) -> float:
        """Calibrated probability of default, 0 to 1."""
        # Beyond 700 the exponential overflows, and the probability is zero to any digit.
        return 1.0 / (1.0 + math.exp(min(-self.log_odds(margin), 700.0)))


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
