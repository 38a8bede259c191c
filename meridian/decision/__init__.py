"""The decision: evidence -> policy -> score -> reasons -> outcome, and nothing else."""

from meridian.decision.decide import Decision, Pricing, decide

__all__ = ["Decision", "Pricing", "decide"]
