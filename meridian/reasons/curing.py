"""Tested reasons: were the cited reasons put right, would the score move toward approval?

A reason that is true of the decision is one that made a difference to it. So each decline is scored again with the
features of its cited reasons as the reference population has them, everything else as it is: the expectation over that
population, as for the contributions themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meridian.reasons.selection import Reasons, principal
from meridian.scoring import Score, Scorer

REFERENCE_ROWS = 50
"""Of the population, evenly taken: enough for a mean."""


@dataclass(frozen=True)
class Cured:
    """Of so many declines: how many moved toward approval, and how many would be approved by score."""

    declines: int
    toward: int
    flipped: int

    @property
    def toward_share(self) -> float:
        """1.0 where nobody was declined."""
        return self.toward / self.declines if self.declines else 1.0

    @property
    def flipped_share(self) -> float:
        """0.0 where nobody was declined."""
        return self.flipped / self.declines if self.declines else 0.0


def cited(reasons: Reasons, scorer: Scorer, rows: NDArray[np.float32]) -> list[tuple[str, ...]]:
    """The codes of each row's principal reasons, as a decision would give them; rows have the scorer's features."""
    return [
        tuple(reason.code for reason in principal(reasons.of_score(Score(0.0, 0, _by_name(scorer, shares)))))
        for shares in scorer.contributions_of(rows)
    ]


def cure(
    reasons: Reasons,
    scorer: Scorer,
    rows: NDArray[np.float32],
    codes: Sequence[Sequence[str]],
    reference: NDArray[np.float32],
    approve_below: float,
) -> Cured:
    """Cure each row of the reasons cited for it. `reference` is the scorer's population, of shape (rows, features)."""
    among = reference[np.linspace(0, len(reference) - 1, min(REFERENCE_ROWS, len(reference))).astype(int)]
    groups = np.array([reasons.group_of(name) for name in scorer.features])
    before = scorer.margins(rows)
    toward = flipped = 0
    for row, margin, of_row in zip(rows, before.tolist(), codes, strict=True):
        healed = np.where(np.isin(groups, of_row), among, row)
        after = float(scorer.margins(healed.astype(np.float32)).mean())
        toward += after < margin
        flipped += scorer.calibration.pd(after) < approve_below
    return Cured(len(rows), toward, flipped)


def _by_name(scorer: Scorer, shares: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(scorer.features, shares.tolist(), strict=True))
