"""One look-up of one source: on its first line, on the next where that fails, on a second where that is slow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from meridian.sources.deadline import Deadline
from meridian.sources.hedge import Budget
from meridian.sources.line import Ask, Call, Line, Refused
from meridian.sources.observer import Observer

T = TypeVar("T")
LITTLE_LESS = 0.8
"""Who comes a moment later has a deadline a moment later: that is no reason to ask the same again."""


@dataclass(frozen=True)
class Found(Generic[T]):
    """What a source answered, or in a few words why it did not.

    `line` is the one that answered; `extra`: how many reads there were beyond the first.
    """

    source: str
    answer: T | None
    line: str
    took_s: float
    detail: str
    extra: int

    @property
    def answered(self) -> bool:
        """Whether there is an answer; what it says is for who asked."""
        return not self.detail


@dataclass(frozen=True)
class Rules:
    """What holds for every look-up of a source."""

    source: str
    lines: Sequence[Line]
    budget: Budget
    budget_lock: threading.Lock
    hedge_same: bool
    observer: Observer

    def may_hedge(self) -> bool:
        """Whether there is a second read to make, and it was taken."""
        with self.budget_lock:
            return self.budget.take()

    def not_hedged(self) -> None:
        """It was not made after all."""
        with self.budget_lock:
            self.budget.give_back()


class LookUp(Generic[T]):
    """Moves on by itself when a call ends, and by `tick` of whoever waits when time passes. Many may wait for it."""

    def __init__(self, rules: Rules, asks: Sequence[Ask[T]], deadline: Deadline, ended: Callable[[LookUp[T]], None]):
        self._rules = rules
        self._asks = asks
        self._ended = ended
        self._lock = threading.Lock()
        self._waiters: list[threading.Event] = []
        self._calls: list[Call[T]] = []
        self._next = 0
        self._reads = 0
        self._hedged = False
        self._detail = ""
        self._told: list[tuple[str, str, float]] = []
        self.deadline = deadline
        self._begun = deadline.clock()
        self._unhurried = deadline.left() >= sum(line.timeout_s for line in rules.lines)
        self.found: Found[T] | None = None

    def start(self) -> None:
        """Ask the first line that lets itself be asked."""
        with self._lock:
            # Whoever shares it may have been here first.
            if not self._calls and self.found is None:
                self._ask_next()
        self._tell()

    def serves(self, deadline: Deadline) -> bool:
        """Whether one with that deadline may wait for it: it would be given little less time than by asking itself."""
        left = self.deadline.left()
        return self.found is None and left > 0 and (self._unhurried or left >= LITTLE_LESS * deadline.left())

    def wake(self, waiter: threading.Event) -> None:
        """Set the event when it has ended."""
        with self._lock:
            self._waiters.append(waiter)
            if self.found is not None:
                waiter.set()

    def tick(self) -> float:
        """Give up what is overdue and begin a second read where it is due; the moment at which to come again."""
        with self._lock:
            if self.found is None:
                self._give_up_overdue()
            if self.found is None:
                self._hedge()
            moments = [self.deadline.at, *(call.limit.at for call in self._calls)]
            if (due := self._hedge_due()) is not None:
                moments.append(due)
        self._tell()
        return min(moments)

    def _ask_next(self) -> None:
        """Ask the next line that lets itself be asked; where there is none, and nobody is asked any more, it has
        ended.
        """
        while self._next < len(self._rules.lines) and self.deadline.left():
            place, self._next = self._next, self._next + 1
            if self._ask(place):
                return
        if not self._calls:
            self._end(None, "", self._detail or "not asked: no time was left")

    def _ask(self, place: int) -> bool:
        line = self._rules.lines[place]
        begun = line.begin(self._asks[place], self.deadline, self._done)
        if isinstance(begun, Refused):
            self._told.append((line.name, begun.what, 0.0))
            # That a line asked before has failed says more than that another was not asked.
            if not self._reads:
                self._detail = self._detail or begun.detail
            return False
        self._calls.append(begun)
        self._reads += 1
        return True

    def _done(self, call: Call[T]) -> None:
        with self._lock:
            if call not in self._calls:
                return  # given up, or another was first
            self._calls.remove(call)
            if not call.error:
                self._told.append((call.line.name, "answered", call.took_s))
                self._end(call.answer, call.line.name, "")
            elif call.limit.left():
                self._told.append((call.line.name, "failed", call.took_s))
                self._detail = f"answered with an error ({call.error})"
                self._ask_next()
            else:
                # It gave up at its limit, and was noticed before it was given up.
                self._too_slow(call)
                self._ask_next()
        self._tell()

    def _give_up_overdue(self) -> None:
        overdue = [call for call in self._calls if not call.limit.left()]
        for call in overdue:
            self._calls.remove(call)
            call.give_up()
            self._too_slow(call)
        if overdue or not self._calls:
            self._ask_next()

    def _too_slow(self, call: Call[T]) -> None:
        self._told.append((call.line.name, "too slow", call.took_s))
        self._detail = f"no answer within {(call.limit.at - call.begun) * 1000:.0f} ms"

    def _hedge_due(self) -> float | None:
        """When a second read is to begin: when the only call takes longer than 95 in 100 do."""
        if self._hedged or len(self._calls) != 1 or self._hedge_place() is None:
            return None
        usual = self._calls[0].line.usually_within()
        return None if usual is None else self._calls[0].begun + usual

    def _hedge_place(self) -> int | None:
        if self._next < len(self._rules.lines):
            return self._next
        return self._next - 1 if self._rules.hedge_same else None

    def _hedge(self) -> None:
        due, place = self._hedge_due(), self._hedge_place()
        if due is None or place is None or self.deadline.clock() < due or not self.deadline.left():
            return
        self._hedged = True
        if not self._rules.may_hedge():
            return
        self._next = max(self._next, place + 1)
        if self._ask(place):
            self._rules.observer.on_hedge(self._rules.source)
        else:
            self._rules.not_hedged()

    def _end(self, answer: T | None, line: str, detail: str) -> None:
        took_s = self.deadline.clock() - self._begun
        self.found = Found(self._rules.source, answer, line, took_s, detail, max(0, self._reads - 1))
        for waiter in self._waiters:
            waiter.set()

    def _tell(self) -> None:
        """Tell whoever watches, outside the lock."""
        with self._lock:
            told, self._told = self._told, []
        for line, what, took_s in told:
            self._rules.observer.on_read(self._rules.source, line, what, took_s)
        if self.found is not None:
            self._ended(self)
