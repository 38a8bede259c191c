"""Policy: rules that decline or refer whatever the score says, and the bands that turn a score into an outcome."""

from meridian.policy.bands import Bands, Offer, PriceTier, make_offer
from meridian.policy.compiled import Found
from meridian.policy.ladder import Segment, Step
from meridian.policy.policy import Policy
from meridian.policy.rules import Guard, Rule, RuleResult, Test

__all__ = [
    "Bands", "Found", "Guard", "Offer", "Policy", "PriceTier", "Rule", "RuleResult", "Segment", "Step", "Test",
    "make_offer",
]  # fmt: skip
