"""What the database says, followed: looked at every second by a thread, and never more than some seconds behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

import structlog

from meridian.errors import Unavailable
from meridian.forks import renew_in_child
from meridian.keeper import Keeper

T = TypeVar("T")
log = structlog.get_logger()

LOOK_AGAIN_S = 1.0
FIRST_LOOK_S = 5.0
"""So long somebody waits for the first look of a process that has just started."""


class Followed(Generic[T]):
    """The outcome of the last look that succeeded. `take_over` makes the next from it, None at first; it may raise.

    Where the database cannot be reached, what it said last goes on. `rest_s`: from one look to the next.
    """

    def __init__(self, name: str, take_over: Callable[[T | None], T], rest_s: float = LOOK_AGAIN_S):
        self._name = name
        self._take_over = take_over
        self._rest_s = rest_s
        self._keeper = Keeper(name, self._round)
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: nobody is looking."""
        self._lock = threading.Lock()
        self._looked = threading.Event()
        self._value: T | None
        self._reachable = True
        self._until = 0.0
        # What the parent found may be of yesterday.
        self._value = None

    def now(self) -> T:
        """What was found last. Raises `Unavailable` where nothing ever was: then nobody knows."""
        self._keeper.start()
        if self._value is None:
            # Only the thread looks: requests that come meanwhile wait beside each other, to one end, and not in a line.
            self._until = self._until or monotonic() + FIRST_LOOK_S
            self._looked.wait(max(0.0, self._until - monotonic()))
        value = self._value
        if value is None:
            raise Unavailable
        return value

    def look(self) -> T:
        """Look now, for who cannot wait for the thread. Raises what `take_over` does."""
        with self._lock:
            # One assignment: who reads meanwhile has all of the old or all of the new.
            self._value = value = self._take_over(self._value)
            return value

    def stop(self) -> None:
        """Look no more."""
        self._keeper.stop()

    def _round(self) -> float:
        try:
            self.look()
        except Exception as error:
            if self._reachable:
                cause = getattr(getattr(error.__cause__, "orig", None), "pgcode", None)
                log.warning("not_read", what=self._name, error=type(error).__name__, code=cause)
            self._reachable = False
        else:
            if not self._reachable:
                log.info("read_again", what=self._name)
            self._reachable = True
        self._looked.set()
        return self._rest_s
