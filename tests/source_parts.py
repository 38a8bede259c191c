"""Parts for tests of look-ups: a clock that is set by hand, calls that fail, breakers that are open."""

from __future__ import annotations

from collections.abc import Callable

import pybreaker

from meridian.sources import Breaker, Open


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail() -> None:
    raise ConnectionError("the source is down")


def answer() -> str:
    return "answer"


def try_(breaker: Breaker, func: Callable[[], object]) -> str:
    """What a caller meets: ok, failed, or not let through."""
    try:
        breaker.call(func)
    except Open:
        return "open"
    except Exception:
        return "failed"
    return "ok"


def opened(clock: Clock, **settings: float) -> Breaker:
    breaker = Breaker("source", clock=clock, least=5, rest_s=5.0, **settings)  # type: ignore[arg-type]
    assert [try_(breaker, fail) for _ in range(5)] == ["failed"] * 5
    assert breaker.current_state == pybreaker.STATE_OPEN
    return breaker
