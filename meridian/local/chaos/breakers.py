"""The breakers as all processes share them, watched from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

from sqlalchemy import Engine, text

from meridian.db.engine import transaction

READ = text("""
SELECT name, state = 'open' AS is_open, coalesce(rest_until <= clock_timestamp(), true) AS is_over
FROM online.breaker ORDER BY name""")


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
    """Looks at the table, and remembers each turn. What turns and turns back between two looks is not seen."""

    engine: Engine
    begun: float
    states: Mapping[str, State] | None = None
    seen: list[Transition] = field(default_factory=list)

    def look(self) -> None:
        """Look once."""
        with transaction(self.engine) as connection:
            rows = connection.execute(READ).all()
        states = {row.name: _state(is_open=row.is_open, is_over=row.is_over) for row in rows}
        at_s = round(monotonic() - self.begun, 1)
        # Of the first look nothing is told: an earlier demonstration may have left a breaker open.
        before = states if self.states is None else self.states
        for name, now in states.items():
            was = before.get(name, State.CLOSED)
            if was is not now:
                self.seen.append(Transition(at_s, name, was, now))
        self.states = states


def _state(*, is_open: bool, is_over: bool) -> State:
    if not is_open:
        return State.CLOSED
    return State.HALF_OPEN if is_over else State.OPEN
