"""Sources: where evidence comes from, each behind a time-out and a breaker; what fails is said, never guessed."""

from meridian.sources.breaker import Breaker, Open
from meridian.sources.guarded import GuardedSource
from meridian.sources.stored import CUT_OFF_DAY, Stored, reading_of

__all__ = ["CUT_OFF_DAY", "Breaker", "GuardedSource", "Open", "Stored", "reading_of"]
