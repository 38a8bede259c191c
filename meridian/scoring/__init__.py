"""Scoring: a frozen model gives the probability of default and each feature's exact share in it, at once."""

from meridian.scoring.calibration import Calibration, PointsScale
from meridian.scoring.leaf_tables import LeafTables
from meridian.scoring.scorer import Score, Scorer
from meridian.scoring.tabling import make_tables
from meridian.scoring.trees import Ensemble, parse_xgboost_json

__all__ = [
    "Calibration",
    "Ensemble",
    "LeafTables",
    "PointsScale",
    "Score",
    "Scorer",
    "make_tables",
    "parse_xgboost_json",
]
