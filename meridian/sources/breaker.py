"""A circuit breaker on pybreaker's states and listeners, with four of its habits changed.

It calls outside its lock, so that callers of a slow source do not queue behind one another; it judges the
share of failures in a window of recent calls, so that a source which fails four times in five opens it;
its clock is monotonic; and at half-open it lets one probe through and turns the others away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import pybreaker

T = TypeVar("T")
Open = pybreaker.CircuitBreakerError


class Breaker(pybreaker.CircuitBreaker):
    """Opens when, of the last `window` calls (at least `least`), the share that failed reaches `rate`.

    After `rest_s` seconds one call may probe: its success closes, its failure opens again. Raises `Open`
    where the call is not let through. One per source and process.
    """

    def __init__(
        self,
        name: str,
        *,
        window: int = 20,
        least: int = 5,
        rate: float = 0.5,
        rest_s: float = 5.0,
        clock: Callable[[], float] = monotonic,
        listeners: tuple[pybreaker.CircuitBreakerListener, ...] = (),
    ):
        super().__init__(name=name, reset_timeout=rest_s, listeners=list(listeners))
        self._recent: deque[bool] = deque(maxlen=window)
        self._least = least
        self._rate = rate
        self._clock = clock
        self._opened_at = 0.0
        self._probing = False

    def call(self, func: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Call `func` if the state allows it. Any exception counts as a failure and is passed on."""
        probe = self._admit()
        try:
            result = func(*args, **kwargs)
        except Exception:
            self._note(failed=True, probe=probe)
            raise
        except BaseException:
            # A worker that is told to stop says nothing about the source.
            self._forget(probe)
            raise
        self._note(failed=False, probe=probe)
        return result

    def _admit(self) -> bool:
        """Whether the call about to be made is the probe; raises `Open` where none may be made."""
        with self._lock:
            if self.current_state == pybreaker.STATE_CLOSED:
                return False
            if self._probing or self._clock() - self._opened_at < self.reset_timeout:
                raise Open(f"{self.name} is resting after failures")
            self._probing = True
            self.half_open()
            return True

    def _note(self, *, failed: bool, probe: bool) -> None:
        with self._lock:
            if probe:
                self._probing = False
                self._recent.clear()
                if failed:
                    self._trip()
                else:
                    self.close()
                return
            if self.current_state != pybreaker.STATE_CLOSED:
                return  # a straggler from before the breaker opened
            self._recent.append(failed)
            if len(self._recent) >= self._least and sum(self._recent) >= self._rate * len(self._recent):
                self._trip()

    def _forget(self, probe: bool) -> None:
        with self._lock:
            if probe:
                self._probing = False

    def _trip(self) -> None:
        self._recent.clear()
        self._opened_at = self._clock()
        self.open()
