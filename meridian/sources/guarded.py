"""A guarded source: asked within a time limit, behind a breaker; it always answers, if only that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from meridian.sources.asking import Asking, gather
from meridian.sources.breaker import Breaker
from meridian.sources.deadline import Deadline
from meridian.sources.line import Line

T = TypeVar("T")


class GuardedSource:
    """A source with one line, asked by one caller at a time for each of its threads."""

    def __init__(self, name: str, breaker: Breaker, *, timeout_s: float, threads: int = 4):
        self.name = name
        self._timeout_s = timeout_s
        self._asking = Asking(name, [Line(name, breaker, timeout_s=timeout_s, threads=threads)])

    def read(self, ask: Callable[[], T], otherwise: Callable[[str], T]) -> T:
        """What `ask` gives or, told in a few words why there is none, what `otherwise` does. It never raises for the
        source's sake.
        """
        deadline = Deadline.after(self._timeout_s)
        [found] = gather([self._asking.begin(None, [lambda _: ask()], deadline)], deadline)
        # Asked by nobody else, so that what was found is of this `ask`.
        return found.answer if found.answered else otherwise(found.detail)  # type: ignore[return-value]
