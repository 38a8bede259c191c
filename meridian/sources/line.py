"""A line: one way to ask one provider, behind its breaker, with its time-out, in threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

import structlog

from meridian.forks import renew_in_child
from meridian.sources.breaker import Breaker, Open, Token
from meridian.sources.deadline import Deadline
from meridian.sources.hedge import Usual

log = structlog.get_logger()

T = TypeVar("T")
Ask = Callable[[Deadline], T]
"""Asks the provider, and gives up at the deadline by itself: a thread cannot be stopped from outside."""


@dataclass(frozen=True)
class Refused:
    """A line was not asked; `what` as an observer is told it."""

    what: str
    detail: str


class Call(Generic[T]):
    """One call on its way. `done` is said in its thread, once, whether or not somebody still waits."""

    def __init__(self, line: Line, ask: Ask[T], token: Token, deadline: Deadline, done: Callable[[Call[T]], None]):
        self.line = line
        self._ask = ask
        self._token = token
        self._done = done
        self.begun = line.clock()
        self.limit = Deadline(min(deadline.at, self.begun + line.timeout_s), line.clock)
        # Cut short by a caller in a hurry, its silence says little about the source.
        self._fair = self.limit.at - self.begun >= line.timeout_s / 2
        self.answer: T | None = None
        self.error = ""
        self.took_s = 0.0
        self.withdrawn = False

    def run(self) -> None:
        """Ask. In a thread of the line."""
        if self.withdrawn:
            return
        try:
            self.answer = self._ask(self.limit)
        except Exception as error:
            # The error's kind is enough for the evidence; its text may name hosts and people, so it goes nowhere.
            self.error = type(error).__name__
            self.took_s = self.line.clock() - self.begun
            log.warning("source_failed", source=self.line.name, error=self.error)
            self._failed()
        except BaseException as error:
            self.error = type(error).__name__
            self._token.forgotten()
        else:
            self.took_s = self.line.clock() - self.begun
            self._token.success(self.took_s)
            self.line.succeeded(self.took_s)
        self.line.leave()
        self._done(self)

    def give_up(self) -> None:
        """Nobody waits for it any more, because its time is over: that counts, and how it ends will not."""
        self.took_s = self.line.clock() - self.begun
        self._failed()

    def _failed(self) -> None:
        if self._fair or self.limit.left():
            self._token.failed(self.took_s)
        else:
            self._token.forgotten()


class Line:
    """At most `threads` calls at once, and no queue: when all are taken, who comes is told so at once.

    A hung call holds its thread, and no caller's. The threads are made at first use, after any fork.
    """

    def __init__(
        self,
        name: str,
        breaker: Breaker,
        *,
        timeout_s: float,
        threads: int = 4,
        clock: Callable[[], float] = monotonic,
    ):
        self.name = name
        self.breaker = breaker
        self.timeout_s = timeout_s
        self.clock = clock
        self.threads = threads
        self._usual = Usual()
        breaker.probes_within(timeout_s)
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: no thread is there, and no call on its way."""
        self._lock = threading.Lock()
        self._busy = 0
        self._pool: ThreadPoolExecutor | None = None

    def begin(self, ask: Ask[T], deadline: Deadline, done: Callable[[Call[T]], None]) -> Call[T] | Refused:
        """Begin to ask, without waiting. What was refused counts as neither success nor failure."""
        if not self._enter():
            return Refused("busy", f"busy: all {self.threads} look-ups at once are taken")
        try:
            token = self.breaker.admit()
        except Open:
            self.leave()
            return Refused("open", "not asked: its last look-ups failed")
        call = Call(self, ask, token, deadline, done)
        try:
            self._started_pool().submit(call.run)
        except RuntimeError:  # the interpreter is ending, or the system gives no thread
            call.withdrawn = True  # it may stand in the pool's queue all the same
            token.forgotten()
            self.leave()
            return Refused("busy", "busy: no thread can be started")
        return call

    def usually_within(self) -> float | None:
        """Seconds that 95 in 100 recent calls stayed within; None while there were too few."""
        with self._lock:
            return self._usual.p95()

    def succeeded(self, took_s: float) -> None:
        """Note how long a call took that was answered."""
        with self._lock:
            self._usual.add(took_s)

    def leave(self) -> None:
        """A call has ended: there is room for another."""
        with self._lock:
            self._busy -= 1

    def _enter(self) -> bool:
        with self._lock:
            if self._busy >= self.threads:
                return False
            self._busy += 1
            return True

    def _started_pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix=f"source-{self.name}")
            return self._pool
