"""What a stub does wrong, and how much of the time; changed while it runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random
from threading import Lock
from time import monotonic
from typing import Any

from meridian.errors import InvalidInput, MalformedBody, MeridianError

SLOWER = 10
"""How many times as long an answer takes from a source that is slow."""
TAIL = 20
"""How many times as long one takes that belongs to the heavy tail."""


class SourceFailed(MeridianError):
    """The source failed, as it was told to."""


class FaultName(StrEnum):
    """The ways in which a source fails."""

    NONE = "none"
    SLOW = "slow"
    """Answers take ten times as long."""
    TAIL = "tail"
    """Answers take twenty times as long: with a small share, the few that make a percentile and no median."""
    HUNG = "hung"
    """The question is taken and never answered."""
    ERROR = "error"
    """500, at once."""
    GARBAGE = "garbage"
    """200, in turn with broken JSON, a body cut short, a wrong content type, and a page of HTML."""
    FLAPPING = "flapping"
    """Errors for some seconds, then none for as many, and so on."""
    LYING = "lying"
    """The right form in wrong units: dollars where cents are meant, months where days are."""


@dataclass(frozen=True)
class Fault:
    """A fault, the share of the answers that have it, and, of a source that is flapping, the seconds of a phase."""

    fault: FaultName = FaultName.NONE
    share: float = 1.0
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidInput(f"share {self.share}; give a number from 0 to 1")
        if not 0 < self.seconds < math.inf:
            raise InvalidInput(f"seconds {self.seconds}; give a number above 0")

    @classmethod
    def named(cls, name: object, **how: Any) -> Fault:
        """The fault of that name. Raises `InvalidInput` where there is none."""
        if name not in list(FaultName):
            raise InvalidInput(f"There is no fault {name!r}; the faults are {', '.join(FaultName)}")
        return cls(FaultName(str(name)), **how)

    @classmethod
    def parse(cls, body: bytes) -> Fault:
        """The fault that a JSON object tells. Raises `InvalidInput` with what is wrong with it."""
        try:
            told = json.loads(body)
        except ValueError:
            raise MalformedBody(f'{body[:80]!r} is no JSON; send {{"fault": "slow"}}') from None
        if not isinstance(told, dict) or "fault" not in told:
            raise InvalidInput(f'{told!r} names no fault; send {{"fault": "slow"}}')
        numbers = {name: value for name, value in told.items() if name != "fault"}
        for name, value in numbers.items():
            if name not in ("share", "seconds") or isinstance(value, bool) or not isinstance(value, int | float):
                raise InvalidInput(f"{name}: {value!r}; besides the fault, give numbers as share and seconds")
        return cls.named(told["fault"], **numbers)

    def as_dict(self) -> dict[str, object]:
        """The fault as JSON values."""
        return asdict(self)


class Faults:
    """The fault that is in force. Each change starts the draws and the phases anew, so that a run repeats."""

    def __init__(self, fault: Fault, seed: int, clock: Callable[[], float] = monotonic):
        self._seed = seed
        self._clock = clock
        self._lock = Lock()
        self.change(fault)

    def change(self, fault: Fault) -> None:
        """From now on, this fault."""
        with self._lock:
            self.now = fault
            self._since = self._clock()
            self._random = Random(self._seed)  # noqa: S311 - a run has to repeat, and nothing is kept secret with it
            self._spoilt = -1

    def strike(self) -> FaultName:
        """What befalls the next answer: never `FLAPPING`, which is an error or nothing."""
        with self._lock:
            if self._random.random() >= self.now.share:
                return FaultName.NONE
            if self.now.fault is not FaultName.FLAPPING:
                return self.now.fault
            phase = (self._clock() - self._since) // self.now.seconds
            return FaultName.NONE if phase % 2 else FaultName.ERROR

    def next_spoiling(self) -> int:
        """Which of the kinds of garbage comes next, counted from 0."""
        with self._lock:
            self._spoilt += 1
            return self._spoilt
