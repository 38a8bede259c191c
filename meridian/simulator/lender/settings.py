"""What a simulated lender is made from, and the random numbers of its chunks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from meridian.errors import InvalidInput

MOST_APPLICANTS = 99_999_999
"""Applicants are numbered in eight digits, so that their ids sort as they were made."""
PARTS = ("people", "form", "bureau", "bank", "employment", "business", "outcomes", "imperfections")


@dataclass(frozen=True)
class LenderSettings:
    """How many apply, when, and what is wrong with the world they live in.

    Applications fall evenly on the days from `first_day` to `last_day`. `drift` moves risk up and incomes
    down over that period (0: not at all; 1: clearly). `disparity` makes group B look worse than it is: its
    incomes are shown lower (by `exp(-0.25 * disparity)`), a part of its accounts is not on file and its bureau
    scores are lower, while what it does, and whether it pays back, stays as it was. Applicants are made in
    chunks of `chunk`, each from its own random numbers.
    """

    applicants: int
    seed: int = 7
    first_day: date = date(2024, 1, 1)
    last_day: date = date(2025, 12, 31)
    drift: float = 0.0
    disparity: float = 0.0
    chunk: int = 10_000

    def __post_init__(self) -> None:
        if not 1 <= self.applicants <= MOST_APPLICANTS:
            raise InvalidInput(f"applicants: {self.applicants}; give a number from 1 to {MOST_APPLICANTS}")
        if self.seed < 0 or self.chunk < 1:
            raise InvalidInput(f"seed {self.seed}, chunk {self.chunk}; a seed is 0 or more, a chunk 1 or more")
        if self.last_day < self.first_day:
            raise InvalidInput(f"the last day, {self.last_day}, is before the first, {self.first_day}")
        if not math.isfinite(self.drift) or not 0 <= self.disparity < math.inf:
            raise InvalidInput(f"drift {self.drift}, disparity {self.disparity}; give numbers, the second not below 0")

    @property
    def chunks(self) -> int:
        """How many chunks the applicants make; the last may be smaller."""
        return -(-self.applicants // self.chunk)

    def numbers(self, chunk: int) -> range:
        """The numbers, from 0, of a chunk's applicants."""
        return range(chunk * self.chunk, min((chunk + 1) * self.chunk, self.applicants))

    def randomness(self, chunk: int) -> Mapping[str, np.random.Generator]:
        """A generator for each part of a chunk, so that a change to one part leaves the others as they were."""
        seeds = np.random.SeedSequence(self.seed, spawn_key=(chunk,)).spawn(len(PARTS))
        return {part: np.random.default_rng(seed) for part, seed in zip(PARTS, seeds, strict=True)}
