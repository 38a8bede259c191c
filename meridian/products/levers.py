"""Levers: what an applicant can change of an application, in plausible steps. Never what is protected or past."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

MOST_STEPS = 400
Steps = Callable[[Any], Sequence[Any]]
"""The present value -> other values that may be taken instead, the nearest first."""


@dataclass(frozen=True)
class Lever:
    """One field of the application, by its dotted path, that may be changed.

    `form_fields` names the fields of the form's reading that change with it, and `along` further paths that change in
    the same proportion: who pays back half a balance uses half as much of a limit.
    """

    path: str
    meaning: str
    unit: str
    steps: Steps
    form_fields: tuple[str, ...] = ()
    along: tuple[str, ...] = ()

    def options(self, application: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By path, what each step sets, the smallest first; none where there is nothing to change."""
        present = value_at(application, self.path)
        if present is None:
            return []
        return [{self.path: value, **self._along(application, present, value)} for value in self.steps(present)]

    def _along(self, application: Mapping[str, Any], present: Any, value: Any) -> dict[str, Any]:
        found = {path: value_at(application, path) for path in self.along}
        return {path: round(other * value / present, 6) for path, other in found.items() if other is not None}


def down(step: float, least: float) -> Steps:
    """Multiples of the step below the present value, not below the least."""

    def steps(present: float) -> list[float]:
        highest, lowest = math.ceil(present / step) - 1, max(1, math.ceil(least / step))
        count = max(0, highest - lowest + 1)
        # Of a number that nobody would ask for, evenly taken: the fewest steps down, and the last.
        taken = (
            range(count) if count <= MOST_STEPS else (at * (count - 1) // (MOST_STEPS - 1) for at in range(MOST_STEPS))
        )
        values = [(highest - at) * step for at in taken]
        return [value for value in values if least <= value < present]

    return steps


def one_of(*choices: float) -> Steps:
    """The other choices, the nearest first."""
    return lambda present: sorted((one for one in choices if one != present), key=lambda one: (abs(one - present), one))


def paid_down(share: float = 0.1) -> Steps:
    """Shares of the present value, down to nothing."""
    count = round(1 / share)
    return lambda present: [round(present * (1 - i / count), 2) for i in range(1, count + 1)] if present > 0 else []


def value_at(application: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where it or what it lies in is not there."""
    found: Any = application
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def changed(application: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The application with other values at some paths."""
    copy: dict[str, Any] = deepcopy(dict(application))
    for path, value in values.items():
        *way, last = path.split(".")
        place = copy
        for name in way:
            place = place[name]
        place[last] = value
    return copy
