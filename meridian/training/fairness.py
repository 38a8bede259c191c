"""How a model treats a group beside another: what it approves, and how it scores. Measured, whatever it may block.

Membership comes from outside: no protected attribute is ever an input of a model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FOUR_FIFTHS = 0.8
"""Below it, the ratio is what the Uniform Guidelines (29 CFR 1607.4 D) take for evidence of adverse impact."""


@dataclass(frozen=True)
class Compared:
    """A group beside its control: how many there are of each, the adverse impact ratio and the standardised mean
    difference in PD; NaN where there is nothing to compare.
    """

    group: str
    control: str
    of_group: int
    of_control: int
    air: float
    smd: float


def compare(
    group: str,
    control: str,
    in_group: NDArray[np.bool_],
    in_control: NDArray[np.bool_],
    pd: NDArray[np.float64],
    approve_below: float,
) -> Compared:
    """Compare two groups of applicants by their PDs.

    The ratio is of the shares approved, the group's over the control's; 1 is equal. The difference is of the mean PDs,
    the group's less the control's, over the standard deviation of all PDs; 0 is equal (Gill, Hall, Montgomery, Schmidt,
    2020).
    """
    sizes = int(in_group.sum()), int(in_control.sum())
    spread = float(pd.std())
    if not all(sizes):
        return Compared(group, control, *sizes, float("nan"), float("nan"))
    approved = pd < approve_below
    share, of_control = float(approved[in_group].mean()), float(approved[in_control].mean())
    apart = float(pd[in_group].mean() - pd[in_control].mean())
    return Compared(
        group,
        control,
        *sizes,
        share / of_control if of_control else float("nan"),
        apart / spread if spread else float("nan"),
    )
