"""The decision: evidence -> policy -> score -> reasons -> outcome, and nothing else."""

from meridian.decision.decide import Decision, decide
from meridian.decision.keep import score_to_keep
from meridian.decision.terms import Terms

__all__ = ["Decision", "Terms", "decide", "score_to_keep"]
