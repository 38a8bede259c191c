"""The ladder's terms: by which bands, and up to which limit, a product is decided on a rung, and in which segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.evidence import Rung
from meridian.policy.bands import Bands
from meridian.policy.cells import unknown
from meridian.policy.compiled import Columns, Found, met_by_columns
from meridian.policy.rules import Guard, guards_document, guards_of

Floats = NDArray[np.float64]

NEITHER = Bands(approve_below=0.0, decline_above=1.0)
"""Bands by which no score approves or declines."""


@dataclass(frozen=True)
class Step:
    """The terms of one rung: its bands, and the most that is offered there (None: what is asked for).

    A lower rung knows less, so its bands are to be narrower and its limit lower than the full one's. The rung of a
    pre-computed score says besides how old that may be, and declines nobody by it: what was true a month ago is no
    reason to refuse anybody now. Raises `ValueError` where that does not hold.
    """

    rung: int
    bands: Bands
    limit_cap: float | None = None
    valid_for: timedelta | None = None

    def __post_init__(self) -> None:
        pre_computed = self.rung == Rung.PRE_COMPUTED
        if pre_computed != (self.valid_for is not None) and self.bands != NEITHER:
            raise ValueError(f"valid_for is {self.valid_for} on rung {self.rung}; rung 2 has one, and no other does")
        if pre_computed and self.bands.decline_above < 1:
            raise ValueError(
                f"decline_above is {self.bands.decline_above} on rung 2; expected 1, which no score is above"
            )

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        document = asdict(self)
        # Steps that have none are written as before there was one: they stay the same version of their policy.
        if (valid_for := document.pop("valid_for")) is not None:
            document["valid_for_days"] = valid_for / timedelta(days=1)
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Step:
        """The step as it was written."""
        days = document.get("valid_for_days")
        valid_for = None if days is None else timedelta(days=days)
        return cls(document["rung"], Bands(**document["bands"]), document["limit_cap"], valid_for)


@dataclass(frozen=True)
class Segment:
    """The terms of a rung for those applicants for whom every guard holds."""

    guards: tuple[Guard, ...]
    step: Step

    def holds(self, values: Mapping[str, Any]) -> bool | None:
        """Whether it holds for an applicant; None where that is not known."""
        found = [
            None if unknown(value := values.get(guard.field)) else guard.cell.meets(value) for guard in self.guards
        ]
        if False in found:
            return False
        return None if None in found else True

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {**self.step.document(), "if": guards_document(self.guards)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Segment:
        """The segment as it was written."""
        return cls(guards_of(document["if"]), Step.from_document(document))


def step_for(segments: Iterable[Segment], values: Mapping[str, Any], otherwise: Step) -> Step:
    """The terms of the first segment that holds, and of none: `otherwise`, the row without guards.

    Where it is not known whether one holds, it may be that one or a later one: then the narrowest of them all is
    taken, so that what is not known approves nobody whom one of them would not, and declines nobody either.
    """
    possible: list[Step] = []
    for segment in segments:
        held = segment.holds(values)
        if held is not False:
            possible.append(segment.step)
        if held:
            break
    else:
        possible.append(otherwise)
    first, *later = possible
    for step in later:
        first = _narrowest(first, step)
    return first


def steps_for_columns(
    segments: Iterable[Segment], columns: Columns, otherwise: Step, rows: int
) -> tuple[Floats, Floats, Floats]:
    """The same as `step_for` of many applicants: `approve_below`, `decline_above`, and the cap (infinite: none)."""
    approve_below, decline_above, cap = np.full(rows, np.inf), np.full(rows, -np.inf), np.full(rows, np.inf)
    is_open = np.ones(rows, bool)
    for segment in segments:
        held = met_by_columns([(guard.field, guard.cell) for guard in segment.guards], columns, rows)
        _narrow(segment.step, is_open & (held != Found.PASSES), approve_below, decline_above, cap)
        is_open &= held != Found.HITS
    _narrow(otherwise, is_open, approve_below, decline_above, cap)
    return approve_below, decline_above, cap


def _narrow(step: Step, rows: NDArray[np.bool_], approve_below: Floats, decline_above: Floats, cap: Floats) -> None:
    approve_below[rows] = np.minimum(approve_below[rows], step.bands.approve_below)
    decline_above[rows] = np.maximum(decline_above[rows], step.bands.decline_above)
    if step.limit_cap is not None:
        cap[rows] = np.minimum(cap[rows], step.limit_cap)


def _narrowest(first: Step, second: Step) -> Step:
    caps = [cap for cap in (first.limit_cap, second.limit_cap) if cap is not None]
    bands = Bands(
        min(first.bands.approve_below, second.bands.approve_below),
        max(first.bands.decline_above, second.bands.decline_above),
    )
    return replace(first, bands=bands, limit_cap=min(caps, default=None))
