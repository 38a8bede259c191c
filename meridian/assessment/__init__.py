"""The assessment: the batch model's second opinion, and the contract that says which version governs."""

from meridian.assessment.contract import CAUTIOUS, Contract, Settlement, reconcile

__all__ = ["CAUTIOUS", "Contract", "Settlement", "reconcile"]
