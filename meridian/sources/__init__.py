"""Sources: where evidence comes from, each behind a time-out and a breaker; what fails is said, never guessed."""

from meridian.sources.asking import Asking, Pending, gather
from meridian.sources.breaker import Breaker, Open, Token
from meridian.sources.deadline import Deadline
from meridian.sources.line import Ask, Line
from meridian.sources.lookup import Found
from meridian.sources.observer import Nobody, Observer
from meridian.sources.shared import BreakerStore, Shared, SharedBreakers
from meridian.sources.stored import CUT_OFF_DAY, Stored, reading_of

__all__ = [
    "CUT_OFF_DAY",
    "Ask",
    "Asking",
    "Breaker",
    "BreakerStore",
    "Deadline",
    "Found",
    "Line",
    "Nobody",
    "Observer",
    "Open",
    "Pending",
    "Shared",
    "SharedBreakers",
    "Stored",
    "Token",
    "gather",
    "reading_of",
]
