"""The ladder's terms: by which bands, and up to which limit, a product is decided on a lower rung."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from meridian.policy.bands import Bands

NEITHER = Bands(approve_below=0.0, decline_above=1.0)
"""Bands by which no score approves or declines."""


@dataclass(frozen=True)
class Step:
    """The terms of one rung: its bands, and the most that is offered there (None: what is asked for).

    A lower rung knows less, so its bands are to be narrower and its limit lower than the full one's.
    """

    rung: int
    bands: Bands
    limit_cap: float | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Step:
        """The step as it was written."""
        return cls(document["rung"], Bands(**document["bands"]), document["limit_cap"])
