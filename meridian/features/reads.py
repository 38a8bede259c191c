"""Which fields a feature reads, found by watching it compute."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np

from meridian.features.definition import Feature


class _Watched(dict[str, Any]):
    """Fields of which none is known, that note which were asked for."""

    def __missing__(self, name: str) -> float:
        self[name] = math.nan
        return math.nan


def fields_read(feature: Feature) -> frozenset[str]:
    """The fields that the feature's function reads: the same ones, whatever they hold."""
    watched = _Watched()
    # What it makes of fields that are not known does not matter here.
    with suppress(ArithmeticError, TypeError, ValueError), np.errstate(all="ignore"):
        feature.compute(watched)
    return frozenset(watched)
