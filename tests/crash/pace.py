"""Kills wait for decisions and decisions for kills, so that every kill comes while decisions flow."""

from __future__ import annotations

import threading
import time


class Pace:
    """How many calls may begin, have begun and have ended. One thread allows and waits, the callers begin and end.

    Nothing waits beyond `ends_at` (of the monotonic clock).
    """

    def __init__(self, ends_at: float):
        self._ends_at = ends_at
        self._changed = threading.Condition()
        self._allowed = self._begun = self._ended = 0
        self._closed = False

    @property
    def left_s(self) -> float:
        """The seconds that are left."""
        return self._ends_at - time.monotonic()

    @property
    def ended(self) -> int:
        """How many calls have ended."""
        return self._ended

    @property
    def under_way(self) -> int:
        """How many calls have begun and not ended."""
        with self._changed:
            return self._begun - self._ended

    def allow(self, up_to: int) -> None:
        """So many calls may begin, counted from the first."""
        with self._changed:
            self._allowed = up_to
            self._changed.notify_all()

    def close(self) -> None:
        """No further call begins."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def begin(self) -> int | None:
        """The number of the next call, from 0, as soon as it may begin; None where none will."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._begun < self._allowed, self.left_s)
            if self._closed or self._begun >= self._allowed:
                return None
            self._begun += 1
            return self._begun - 1

    def end(self) -> None:
        """A call has ended."""
        with self._changed:
            self._ended += 1
            self._changed.notify_all()

    def wait_for(self, ended: int) -> None:
        """Wait until so many calls have ended. AssertionError where the time is up first."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended >= ended, self.left_s):
                raise AssertionError(f"the time is up: {self._ended} calls have ended, {ended} were waited for")
