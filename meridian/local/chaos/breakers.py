"""The breakers as all processes share them, watched from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic


class State(StrEnum):
    """Where a breaker stands. Half-open: it has rested, and one question at a time finds out whether it may close."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True)
class Transition:
    """A breaker seen to turn, so many seconds after the beginning."""

    at_s: float
    line: str
    was: State
    now: State


@dataclass
class Watch:
    """Looks at where they stand, and remembers each turn. What turns and turns back between two looks is not seen."""

    standing: Callable[[], Mapping[str, str]]
    begun: float
    states: Mapping[str, State] | None = None
    seen: list[Transition] = field(default_factory=list)

    def look(self) -> None:
        """Look once."""
        states = {name: State(state) for name, state in self.standing().items()}
        at_s = round(monotonic() - self.begun, 1)
        # Of the first look nothing is told: an earlier demonstration may have left a breaker open.
        before = states if self.states is None else self.states
        for name, now in states.items():
            was = before.get(name, State.CLOSED)
            if was is not now:
                self.seen.append(Transition(at_s, name, was, now))
        self.states = states
