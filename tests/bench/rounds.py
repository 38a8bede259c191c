"""Every load on every subject, in rounds: what drifts, drifts for all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import psutil

from tests.bench.figures import Figures
from tests.bench.load import Load
from tests.bench.stage import STATIC, Subject

CROWD = Load("16 clients", 16)
SINGLE = Load("1 client", 1)
STEADY = Load("50/s", 16, rate=50.0)
LOADS = (CROWD, SINGLE, STEADY)

WARM_UP_S = 1
QUIET_PERCENT, LOOK_S, LOOKS = 15.0, 0.5, 20

Results = dict[tuple[str, str], list[Figures]]
"""(subject, load) -> its figures, one for each round."""


def cells(subjects: Sequence[Subject]) -> list[tuple[Subject, Load]]:
    """What is measured in a round. A static route is a ceiling; at 50/s it would say nothing."""
    return [(subject, load) for load in LOADS for subject in subjects if not (subject.name == STATIC and load.rate)]


def play(subjects: Sequence[Subject], rounds: int, seconds: int, report: Callable[[str, Load, int], None]) -> Results:
    """The figures of all rounds. `report` is told what comes next, with the number of its round from 1."""
    for number, subject in enumerate(subjects):
        report(subject.name, CROWD, 0)
        subject.measure(CROWD, WARM_UP_S, number)
    results: Results = {(subject.name, load.name): [] for subject, load in cells(subjects)}
    seed = len(subjects)
    for number in range(1, rounds + 1):
        # To and fro, so that no subject always has the same one before it.
        for subject, load in cells(subjects)[:: 1 if number % 2 else -1]:
            report(subject.name, load, number)
            quiet = settle()
            results[subject.name, load.name].append(replace(subject.measure(load, seconds, seed), quiet=quiet))
            seed += 1
    return results


def settle() -> bool:
    """Whether the machine came to rest: what one leaves to be done (bells, say) is not the next one's burden."""
    return any(psutil.cpu_percent(LOOK_S) < QUIET_PERCENT for _ in range(LOOKS))
