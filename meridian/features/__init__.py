"""Features: defined once, computed by the same function for one applicant and for a column of them."""

from meridian.features.aggregate import Aggregate, Compare, Op, Where
from meridian.features.definition import Direction, Feature, FeatureSet, Fields, Number
from meridian.features.plausible import Plausible
from meridian.features.source import Silence, Source
from meridian.features.stream import Column, Kind, Stream

__all__ = [
    "Aggregate",
    "Column",
    "Compare",
    "Direction",
    "Feature",
    "FeatureSet",
    "Fields",
    "Kind",
    "Number",
    "Op",
    "Plausible",
    "Silence",
    "Source",
    "Stream",
    "Where",
]
