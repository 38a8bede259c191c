"""Meridian: credit decisions that answer at once, give exact reasons and can be replayed."""

__version__ = "0.1.0"
