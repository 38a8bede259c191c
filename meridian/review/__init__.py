"""Review: what an analyst may settle, and with which reasons."""

from meridian.review.settling import Settling, proposed, reviewed

__all__ = ["Settling", "proposed", "reviewed"]
