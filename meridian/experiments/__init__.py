"""Experiments: two models side by side, by what each decided or would have decided."""

from meridian.experiments.arms import Arm, Experiment, Seen, paired, side_by_side
from meridian.experiments.estimates import Estimate
from meridian.experiments.groups import Groups
from meridian.experiments.swaps import Said, Swaps

__all__ = ["Arm", "Estimate", "Experiment", "Groups", "Said", "Seen", "Swaps", "paired", "side_by_side"]
