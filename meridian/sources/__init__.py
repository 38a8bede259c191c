"""Sources: where evidence comes from, each behind a time-out and a breaker; what fails is said, never guessed."""

from meridian.sources.breaker import Breaker, Open
from meridian.sources.guarded import GuardedSource

__all__ = ["Breaker", "GuardedSource", "Open"]
