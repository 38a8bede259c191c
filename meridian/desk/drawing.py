"""Geometry of the page's small drawings: positions as percentages, which the templates put into SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meridian.policy import Bands

LEAST_SPAN = 0.50
"""The PD at the right end of the scale, unless a PD is higher: beyond it all is far past every cut-off."""


@dataclass(frozen=True)
class Mark:
    """A version's PD on the scale. `below`: its label stands under the scale, so that two do not collide."""

    name: str
    pd: float
    at: float
    below: bool
    governs: bool

    @property
    def anchor(self) -> str:
        """Labels near an end grow inward."""
        return "start" if self.at < 15 else "end" if self.at > 85 else "middle"


@dataclass(frozen=True)
class PdScale:
    """The scale of PDs from 0 to `top`, cut by the bands of the rung; positions from 0 to 100."""

    top: float
    approve_below: float
    decline_above: float
    approve_to: float
    decline_from: float
    marks: tuple[Mark, ...]

    @property
    def declines(self) -> bool:
        """Whether any PD is declined on this rung."""
        return self.decline_above < 1


def pd_scale(bands: Bands, scored: Sequence[tuple[str, float, bool]]) -> PdScale | None:
    """The scale with a mark for each (name, PD, governs); None where nothing was scored."""
    if not scored:
        return None
    top = max(LEAST_SPAN, *(pd for _, pd, _ in scored))
    return PdScale(
        top=top,
        approve_below=bands.approve_below,
        decline_above=bands.decline_above,
        approve_to=_place(bands.approve_below, top),
        decline_from=_place(bands.decline_above, top),
        marks=tuple(
            Mark(name, pd, _place(pd, top), bool(i % 2), governs) for i, (name, pd, governs) in enumerate(scored)
        ),
    )


def bar_lengths(shares: Iterable[float | None]) -> list[float | None]:
    """Each share's length from 0 to 100, the greatest filling the width; None stays None."""
    given = list(shares)
    greatest = max((abs(share) for share in given if share is not None), default=0.0)
    return [None if share is None or not greatest else round(abs(share) / greatest * 100, 2) for share in given]


def _place(pd: float, top: float) -> float:
    return round(min(max(pd / top, 0.0), 1.0) * 100, 2)
