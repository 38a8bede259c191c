"""Asking sources: begun without waiting, several gathered at once, the same question asked once."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any, Generic, TypeVar

from meridian.forks import renew_in_child
from meridian.sources.deadline import Deadline
from meridian.sources.hedge import Budget
from meridian.sources.line import Ask, Line
from meridian.sources.lookup import Found, LookUp, Rules
from meridian.sources.observer import Nobody, Observer, Transitions

T = TypeVar("T")


class Pending(Generic[T]):
    """A look-up that was begun, perhaps by somebody else; `gather` has what comes of it."""

    def __init__(self, source: str, look_up: LookUp[T], deadline: Deadline):
        self.source = source
        self.look_up = look_up
        self.deadline = deadline
        self.begun = deadline.clock()

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.look_up.found is not None

    def result(self) -> Found[T]:
        """What was found or, where nothing was yet, that there was no answer in the time there was."""
        if (found := self.look_up.found) is not None:
            return found
        took_s = self.deadline.clock() - self.begun
        return Found(self.source, None, "", took_s, f"no answer within {took_s * 1000:.0f} ms", 0)


class Asking:
    """A source and its lines: the first is asked, the next where it is refused or fails.

    Where an answer takes longer than 95 in 100 do, a second read is made on the next line, or on the last one once
    more where `hedge_same` says that there are replicas behind it; of a hundred reads, five at most.
    """

    def __init__(self, name: str, lines: Sequence[Line], *, hedge_same: bool = False, observer: Observer | None = None):
        if not lines:
            raise ValueError(f"The source {name} has no line; give at least one.")
        self.name = name
        self.lines = tuple(lines)
        self._hedge_same = hedge_same
        self._observer = observer or Nobody()
        for line in self.lines:
            line.breaker.add_listener(Transitions(line.name, self._observer))
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: nothing is on its way."""
        self._lock = threading.Lock()
        self._in_flight: dict[Hashable, LookUp[Any]] = {}
        self._rules = Rules(
            self.name, self.lines, Budget(), threading.Lock(), self._hedge_same, self._observer
        )  # fmt: skip

    def begin(self, key: Hashable, asks: Sequence[Ask[T]], deadline: Deadline) -> Pending[T]:
        """Begin to look up `key`; `asks` has a way to ask for each line, in their order.

        Whoever looks up the same key at the same time is given the same answer; None is like no other key.
        """
        if len(asks) != len(self.lines):
            raise ValueError(f"{self.name} has {len(self.lines)} lines and was given {len(asks)} ways to ask.")
        with self._lock:
            there = self._in_flight.get(key)
            if there is not None and there.serves(deadline):
                return Pending(self.name, there, deadline)
            look_up: LookUp[T] = LookUp(self._rules, asks, deadline, lambda ended: self._ended(key, ended))
            if key is not None:
                self._in_flight[key] = look_up
        with self._rules.budget_lock:
            self._rules.budget.read()
        look_up.start()
        return Pending(self.name, look_up, deadline)

    def _ended(self, key: Hashable, look_up: LookUp[Any]) -> None:
        with self._lock:
            if self._in_flight.get(key) is look_up:
                del self._in_flight[key]


def gather(pendings: Sequence[Pending[T]], deadline: Deadline) -> list[Found[T]]:
    """What each look-up found, in their order, by the deadline at the latest; one thread waits for all."""
    wake = threading.Event()
    for pending in pendings:
        pending.look_up.wake(wake)
    while True:
        wake.clear()
        moments = [pending.look_up.tick() for pending in pendings if pending.look_up.found is None]
        open_ = [pending for pending in pendings if pending.look_up.found is None]
        if not open_ or not deadline.left():
            return [pending.result() for pending in pendings]
        wake.wait(max(0.0, min(deadline.at, *moments) - deadline.clock()))
