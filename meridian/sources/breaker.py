"""A circuit breaker on pybreaker's states and listeners, with its habits changed.

It calls outside its lock, so that callers of a slow source do not queue behind one another; it judges the share
of failures and of slow calls in a window of time, so that a source which fails four times in five opens it; its
clock is monotonic; at half-open it lets one probe through and turns the others away; and it survives a fork.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

import pybreaker

from meridian.forks import renew_in_child
from meridian.sources.window import Window

T = TypeVar("T")
Open = pybreaker.CircuitBreakerError


class Token:
    """Leave for one call. The first that is said of the call counts, and what is said later does not."""

    __slots__ = ("_breaker", "epoch", "probe", "said")

    def __init__(self, breaker: Breaker, epoch: int, *, probe: bool):
        self._breaker = breaker
        self.epoch = epoch
        self.probe = probe
        self.said = False

    def success(self, took_s: float) -> None:
        """It answered, if only that it has nothing."""
        self._breaker.note(self, failed=False, took_s=took_s)

    def failed(self, took_s: float) -> None:
        """It did not answer, or not in time."""
        self._breaker.note(self, failed=True, took_s=took_s)

    def forgotten(self) -> None:
        """How the call went says nothing about the source."""
        self._breaker.note(self, failed=None, took_s=0.0)


@dataclass(frozen=True)
class Standing:
    """Where a breaker stands, for those who share it.

    `turns` counts its own openings and closings; `wanted`: whether a call was turned away since the last of them.
    """

    is_open: bool
    rest_s: float
    turns: int
    wanted: bool


class Breaker(pybreaker.CircuitBreaker):
    """Opens when of the calls of the last `window_s` (at least `least`) the share that failed reaches `rate`, or the
    share that took longer than `slow_s` reaches `slow_rate`.

    After `rest_s` seconds one call may probe: its success closes, its failure or slowness opens again. A probe that
    says nothing for `probe_s` makes room for the next. Times in seconds. One for each way to ask, in each process;
    `share` and `lend` are for who keeps those of all processes in step.
    """

    def __init__(
        self,
        name: str,
        *,
        window_s: float = 10.0,
        least: int = 5,
        rate: float = 0.5,
        slow_s: float | None = None,
        slow_rate: float = 0.8,
        rest_s: float = 5.0,
        probe_s: float = 0.5,
        clock: Callable[[], float] = monotonic,
        listeners: tuple[pybreaker.CircuitBreakerListener, ...] = (),
    ):
        super().__init__(name=name, reset_timeout=rest_s, listeners=list(listeners))
        self._window = Window(window_s)
        self._least = least
        self._rate = rate
        self._slow_s = float("inf") if slow_s is None else slow_s
        self._slow_rate = slow_rate
        self._clock = clock
        self._epoch = 0
        self.turns = 0
        self._rest_until = 0.0
        self.probe_s = probe_s
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: the state stays, and what was on its way in the parent is not ours to hear of."""
        self._lock = threading.RLock()
        self._window.clear()
        self._epoch += 1
        self._probe_until = self._shared_until = self._lent_until = float("-inf")
        self._wanted = False

    def call(self, func: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Call `func` where the state allows it, else raise `Open`. An exception counts as a failure and is passed on:
        of a source that has nothing, `func` returns that it has nothing.
        """
        token = self.admit()
        started = self._clock()
        try:
            result = func(*args, **kwargs)
        except Exception:
            token.failed(self._clock() - started)
            raise
        except BaseException:
            # A worker that is told to stop says nothing about the source.
            token.forgotten()
            raise
        token.success(self._clock() - started)
        return result

    def admit(self) -> Token:
        """Leave for the call about to be made; raises `Open` where none may be made. Whoever takes it says how it
        went.
        """
        with self._lock:
            if self.current_state == pybreaker.STATE_CLOSED:
                return Token(self, self._epoch, probe=False)
            now = self._clock()
            if not self._may_probe(now):
                self._wanted = True
                raise Open(f"{self.name} is resting after failures")
            if self.current_state != pybreaker.STATE_HALF_OPEN:
                self.half_open()
            self._epoch += 1
            self._probe_until = now + self.probe_s
            return Token(self, self._epoch, probe=True)

    def _may_probe(self, now: float) -> bool:
        if now < self._probe_until:
            return False
        if now < self._shared_until:
            # A probe that outlived the loan would run beside the next holder's.
            return self._lent_until - now > self.probe_s
        return now >= self._rest_until

    def note(self, token: Token, *, failed: bool | None, took_s: float) -> None:
        """What is said of a call, None for nothing; see `Token`."""
        with self._lock:
            if token.said or token.epoch != self._epoch:
                return  # said before, or a straggler from before the breaker turned
            token.said = True
            slow = took_s > self._slow_s
            if token.probe:
                self._probe_until = float("-inf")
                if failed is not None:
                    self.open() if failed or slow else self.close()
            elif failed is not None:
                now = self._clock()
                self._window.add(now, failed=failed, slow=slow)
                if self._too_bad(now):
                    self.open()

    def _too_bad(self, now: float) -> bool:
        seen = self._window.counts(now)
        return seen.calls >= self._least and (
            seen.failed >= self._rate * seen.calls or seen.slow >= self._slow_rate * seen.calls
        )

    def open(self) -> bool:
        """Turn calls away for the rest."""
        with self._lock:
            self.turns += 1
            self._turn(self.reset_timeout)
            return bool(super().open())

    def close(self) -> None:
        """Let calls through."""
        with self._lock:
            self.turns += 1
            self._turn(0.0)
            super().close()

    def _turn(self, rest_s: float) -> None:
        self._epoch += 1
        self._window.clear()
        self._probe_until = self._lent_until = float("-inf")
        self._rest_until = self._clock() + rest_s
        self._wanted = False

    def probes_within(self, timeout_s: float) -> None:
        """Whoever calls has this time-out inside: a probe is given at least as long."""
        self.probe_s = max(self.probe_s, timeout_s)

    def standing(self) -> Standing:
        """Where it stands."""
        with self._lock:
            is_open = self.current_state != pybreaker.STATE_CLOSED
            return Standing(is_open, max(0.0, self._rest_until - self._clock()), self.turns, self._wanted)

    def share(self, until: float) -> None:
        """Until that moment of its clock it probes only while the probe is lent to it."""
        with self._lock:
            self._shared_until = until

    def lend(self, until: float) -> None:
        """The probe of all processes is its own until that moment of its clock."""
        with self._lock:
            self._lent_until = until

    def adopt(self, *, is_open: bool, rest_s: float, turns: int) -> None:
        """Stand where the others do, unless it has turned by itself since it had that many turns."""
        with self._lock:
            if self.turns != turns:
                return
            was_open = self.current_state != pybreaker.STATE_CLOSED
            self._turn(rest_s)
            if is_open:
                # Also from half-open: the probe that another was lent is not ours.
                if self.current_state != pybreaker.STATE_OPEN:
                    super().open()
            elif was_open:
                super().close()
