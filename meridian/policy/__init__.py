"""Policy: rules that decline or refer whatever the score says, and the bands that turn a score into an outcome."""

from meridian.policy.bands import Bands, Offer, PriceTier, make_offer
from meridian.policy.ladder import Step
from meridian.policy.rules import Policy, Rule, RuleResult, Test

__all__ = ["Bands", "Offer", "Policy", "PriceTier", "Rule", "RuleResult", "Step", "Test", "make_offer"]
