"""Reject inference: what the declined would have done, which nobody saw. An assumption, and labelled as one.

A model of granted loans knows nothing of those whom the lender declined. Both methods lean on the model of the granted
loans itself, so that they add no knowledge; what they add is weight where applicants are declined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]
GROUPS = 10


class Inference(StrEnum):
    """How the declined are given an outcome."""

    NONE = "none"
    FUZZY = "fuzzy"
    """Each stands twice, as a default with its probability for a weight, and as repaid with the rest."""
    PARCELLING = "parcelling"
    """Each is drawn to have defaulted or not, at the rate of the granted loans of its tenth of the score."""


@dataclass(frozen=True)
class Rejects:
    """The declined: how they are given an outcome, and their features.

    `inputs` gives the columns of some features. `factor` is how many times likelier than granted loans of their score
    they are assumed to default.
    """

    inference: Inference
    inputs: Callable[[tuple[str, ...]], Floats32]
    factor: float = 1.0


@dataclass(frozen=True)
class Inferred:
    """Rows to learn from beside the granted loans, with outcomes and weights."""

    inputs: Floats32
    target: Floats
    weight: Floats


def infer(rejects: Rejects, inputs: Floats32, pds: Floats, granted: tuple[Floats, Floats], seed: int) -> Inferred:
    """Outcomes for the declined. `pds` are theirs by the model of the granted loans, `granted` the granted loans' own
    PDs by it and how they ended.
    """
    if rejects.inference is Inference.FUZZY:
        likely = np.minimum(pds * rejects.factor, 1.0)
        outcomes = np.concatenate([np.ones(len(pds)), np.zeros(len(pds))])
        return Inferred(np.vstack([inputs, inputs]), outcomes, np.concatenate([likely, 1 - likely]))
    granted_pds, ended = granted
    edges = np.unique(np.quantile(granted_pds, np.linspace(0, 1, GROUPS + 1)[1:-1]))
    of_granted = np.searchsorted(edges, granted_pds, side="right")
    rates = np.array([ended[of_granted == tenth].mean() for tenth in range(len(edges) + 1)])
    likely = np.minimum(rates[np.searchsorted(edges, pds, side="right")] * rejects.factor, 1.0)
    drawn = np.random.default_rng(seed).random(len(pds)) < likely
    return Inferred(inputs, drawn.astype(np.float64), np.ones(len(pds)))
