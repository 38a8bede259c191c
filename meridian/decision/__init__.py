"""The decision: evidence -> policy -> score -> reasons -> outcome, and nothing else."""

from meridian.decision.decide import Decision, decide
from meridian.decision.keep import score_to_keep
from meridian.decision.many import Many, ManyDecided, Said, decide_many
from meridian.decision.offering import Offering, offering
from meridian.decision.terms import Terms

__all__ = [
    "Decision",
    "Many",
    "ManyDecided",
    "Offering",
    "Said",
    "Terms",
    "decide",
    "decide_many",
    "offering",
    "score_to_keep",
]
