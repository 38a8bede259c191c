"""The decision: evidence -> policy -> score -> reasons -> outcome, and nothing else."""

from meridian.decision.decide import Decision, decide
from meridian.decision.terms import Terms

__all__ = ["Decision", "Terms", "decide"]
