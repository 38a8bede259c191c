"""Features: defined once, computed by the same function for one applicant and for a column of them."""

from meridian.features.definition import Direction, Feature, FeatureSet, Fields, Number

__all__ = ["Direction", "Feature", "FeatureSet", "Fields", "Number"]
