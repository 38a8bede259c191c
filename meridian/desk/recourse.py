"""What would have been approved, in words for an analyst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meridian.desk.formats import in_unit
from meridian.products.recourse import Recourse


@dataclass(frozen=True)
class ChangeLine:
    """One thing to change: what it is, what it was, and what it would have to be."""

    meaning: str
    present: str
    needed: str


@dataclass(frozen=True)
class RecourseLines:
    """The changes; without any, how many were tried in vain."""

    changes: Sequence[ChangeLine]
    tried: int
    pd: float | None


def recourse_lines(found: Recourse | None) -> RecourseLines | None:
    """For the page of a case; None where there is nothing to say."""
    if found is None:
        return None
    changes = [
        ChangeLine(one.meaning, in_unit(one.present, one.unit), in_unit(one.needed, one.unit)) for one in found.changes
    ]
    return RecourseLines(changes, found.tried, found.pd)
