"""Breakers in step: what one process has seen of a source, the others need not find out for themselves.

A thread in each process exchanges states with a table, so that no look-up ever waits for it. Where the table cannot
be reached each process goes on by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import pybreaker
import structlog

from meridian.forks import renew_in_child
from meridian.keeper import Keeper
from meridian.sources.breaker import Breaker

log = structlog.get_logger()

CALM_S = 1.0
"""Between two exchanges while all are closed."""
ALERT_S = 0.2
"""The same while one is open."""
IN_STEP_S = 5.0
"""So long after the last exchange a breaker goes by what was exchanged; then it is taken to be alone."""
SPARE_S = 3.0
"""A lease is longer than a probe by this, so that there is time to begin one."""


@dataclass(frozen=True)
class Shared:
    """Where all processes' breaker of one name stands. `generation` goes up with each change."""

    is_open: bool
    generation: int
    rest_s: float
    """Seconds until it may be probed."""
    lease_s: float
    """Seconds for which its probe is somebody's."""


class BreakerStore(Protocol):
    """Where the shared states lie. Every method may raise: then there is no sharing for now."""

    def read(self, names: Sequence[str]) -> Mapping[str, Shared]:
        """All states; a name that was not there is closed, of generation 0."""

    def turn(self, name: str, generation: int, *, is_open: bool, rest_s: float) -> int | None:
        """Put another state in the place of that generation, and say the new one; None: others were faster."""

    def lease(self, name: str, by: str, lease_s: float) -> int | None:
        """Take the probe of an open one whose rest is over, unless it is somebody's, and say the new generation."""


@dataclass
class _Known:
    """What a process knows of one shared breaker: the generation it stands by, and its own turns told so far."""

    generation: int = -1
    turns: int = 0


class _Wake(pybreaker.CircuitBreakerListener):
    """A turn is told to the others at once, not at the next round."""

    def __init__(self, wake: Callable[[], None]):
        self._wake = wake

    def state_change(self, cb: object, old_state: object, new_state: object) -> None:  # noqa: ARG002
        """See the class."""
        self._wake()


class SharedBreakers:
    """The breakers of one process, kept in step with those of the others; `start` where the process has been forked.

    Of all processes one probes at a time: a probe is begun only under a lease of it, which lasts longer than a probe
    can. What a holder without traffic does not use runs out, and another takes it.
    """

    def __init__(
        self,
        breakers: Sequence[Breaker],
        store: BreakerStore,
        *,
        calm_s: float = CALM_S,
        alert_s: float = ALERT_S,
        clock: Callable[[], float] = monotonic,
    ):
        self._breakers = {str(breaker.name): breaker for breaker in breakers}
        if len(self._breakers) != len(breakers):
            raise ValueError("Two breakers have the same name, so that they would share a state; name each anew.")
        self._store = store
        self._calm_s = calm_s
        self._alert_s = alert_s
        self._clock = clock
        self._keeper = Keeper("breakers", self.exchange)
        self.renew()
        for breaker in breakers:
            breaker.add_listener(_Wake(self._keeper.wake))
        renew_in_child(self)

    def renew(self) -> None:
        """In a child: nobody was told of anything."""
        self._reachable: bool | None = None
        # No lock of a breaker is taken: it may not have been renewed yet.
        self._known = {
            name: _Known(turns=breaker.turns) for name, breaker in self._breakers.items()
        }  # fmt: skip

    def standing(self) -> dict[str, str]:
        """Each breaker over all processes: `closed`, `open`, or `half-open` once it has rested and may be probed."""
        shared = self._store.read(list(self._breakers))
        rested = {False: "open", True: "half-open"}
        return {name: rested[one.rest_s <= 0] if one.is_open else "closed" for name, one in shared.items()}

    def start(self) -> None:
        """Keep in step from now on. May be called again, and on every request: only the first time does something."""
        self._keeper.start()

    def stop(self) -> None:
        """Go on alone."""
        self._keeper.stop()
        self._alone()

    def exchange(self) -> float:
        """One round with the store; seconds until the next. Never raises."""
        began = self._clock()
        try:
            there = self._store.read(list(self._breakers))
            for breaker in self._breakers.values():
                # Before anything is adopted: an open one whose rest is over would be probed by each process.
                breaker.share(began + IN_STEP_S)
            any_open = [self._settle(name, there[name]) for name in self._breakers]
        except Exception as error:
            if self._reachable is not False:
                log.warning("breakers_not_shared", error=type(error).__name__)
            self._reachable = False
            self._alone()
            return self._calm_s
        if self._reachable is False:
            log.info("breakers_shared_again")
        self._reachable = True
        return self._alert_s if any(any_open) else self._calm_s

    def _settle(self, name: str, there: Shared) -> bool:
        """Tell of our own turn or take over the others'; whether it is open."""
        breaker, known = self._breakers[name], self._known[name]
        ours = breaker.standing()
        if ours.turns != known.turns:
            # Told or lost, it is not told again.
            known.turns = ours.turns
            expected = there.generation if known.generation < 0 else known.generation
            told = self._store.turn(name, expected, is_open=ours.is_open, rest_s=ours.rest_s)
            if told is not None:
                known.generation = told
                return ours.is_open
            there = self._store.read([name])[name]
        if there.generation != known.generation:
            breaker.adopt(is_open=there.is_open, rest_s=there.rest_s, turns=known.turns)
            known.generation = there.generation
        if there.is_open and ours.wanted and there.rest_s <= 0 and there.lease_s <= 0:
            self._lease(name, breaker, known)
        return there.is_open

    def _lease(self, name: str, breaker: Breaker, known: _Known) -> None:
        lease_s = breaker.probe_s + SPARE_S
        # Measured from before we asked, the lease is over for us before it is over for the others.
        asked = self._clock()
        generation = self._store.lease(name, f"{os.uname().nodename}:{os.getpid()}", lease_s)
        if generation is not None:
            known.generation = generation
            breaker.lend(asked + lease_s)

    def _alone(self) -> None:
        for breaker in self._breakers.values():
            breaker.share(float("-inf"))
