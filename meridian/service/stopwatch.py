"""Where the milliseconds went."""

from __future__ import annotations

from time import perf_counter


class Stopwatch:
    """Named laps in milliseconds, from its making on."""

    def __init__(self) -> None:
        self._last = perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """The time since the last lap is this stage's."""
        now = perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 3)
        self._last = now
