"""A thread that keeps something up to date: a round, a rest, and the next round, in every process that needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from meridian.forks import renew_in_child

LONGEST_ROUND_S = 5.0
"""So long the end of a round is waited for; what takes longer ends with its process."""


class Keeper:
    """Calls `a_round`, which says how many seconds to rest and never raises; `start` where the process was forked."""

    def __init__(self, name: str, a_round: Callable[[], float]):
        self._name = name
        self._round = a_round
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: the thread is not there."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Keep from now on. May be called again, and on every request: only the first time does something."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._ending = threading.Event()
                thread = threading.Thread(target=self._keep, name=self._name, daemon=True)
                # Not before it runs: where no thread can be had now, one may be later.
                thread.start()
                self._thread = thread

    def wake(self) -> None:
        """The next round now."""
        self._wake.set()

    def stop(self) -> None:
        """No more rounds."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._ending.set()
        self._wake.set()
        if thread is not None:
            thread.join(LONGEST_ROUND_S)

    def _keep(self) -> None:
        ending = self._ending
        while not ending.is_set():
            self._wake.clear()
            rest_s = self._round()
            if not ending.is_set():
                self._wake.wait(rest_s)
