"""How a model treats a group beside another: what it approves, and how it scores. Measured, whatever it may block.

Membership comes from outside: no protected attribute is ever an input of a model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.experiments.estimates import ratio_of
from meridian.extra import need

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

FOUR_FIFTHS = 0.8
"""Below it, the ratio is what the Uniform Guidelines (29 CFR 1607.4 D) take for evidence of adverse impact."""
NOT_MEASURED = "Fairness was not measured: nothing in the past loans says who belongs to which group."


@dataclass(frozen=True)
class Membership:
    """By loan: who is in a group, and who in the control that it is compared with; shape (loans,) each."""

    group: str
    control: str
    in_group: Bools
    in_control: Bools

    def among(self, rows: Bools) -> Membership:
        """The same of some of the loans."""
        return Membership(self.group, self.control, self.in_group[rows], self.in_control[rows])


@dataclass(frozen=True)
class Part:
    """One of two groups that are compared: how many loans, the share approved (0 to 1), and the AUC within it.

    None where it cannot be had: of no loans, or, for the AUC, where all ended alike.
    """

    name: str
    loans: int
    approved: float | None
    auc: float | None


@dataclass(frozen=True)
class Compared:
    """A group beside its control: the adverse impact ratio with its interval of 95 %, and the standardised mean
    difference in PD; None where there is nothing to compare.
    """

    group: Part
    control: Part
    air: float | None
    interval: tuple[float, float] | None
    smd: float | None

    @property
    def name(self) -> str:
        """Who is compared with whom."""
        return f"{self.group.name} beside {self.control.name}"

    @property
    def adverse(self) -> bool:
        """Whether the ratio is below four fifths."""
        return self.air is not None and self.air < FOUR_FIFTHS

    @property
    def smaller(self) -> int:
        """Loans of the smaller of the two."""
        return min(self.group.loans, self.control.loans)

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "adverse": self.adverse}


def compare(of: Membership, target: Floats, pd: Floats, approve_below: float) -> Compared:
    """Compare two groups of applicants by their PDs, with what became of their loans (1.0 for a default).

    The ratio is of the shares approved, the group's over the control's; 1 is equal. The difference is of the mean PDs,
    the group's less the control's, over the standard deviation of all PDs; 0 is equal, and above it the group scores
    worse (Gill, Hall, Montgomery, Schmidt, 2020).
    """
    group = _part(of.group, of.in_group, target, pd, approve_below)
    control = _part(of.control, of.in_control, target, pd, approve_below)
    if group.approved is None or control.approved is None:
        return Compared(group, control, None, None, None)
    ratio = ratio_of(group.approved, group.loans, control.approved, control.loans)
    # Of PDs that are all alike the deviation may come out as a rounding error, and not as 0.
    spread = float(pd.std()) if pd.min() < pd.max() else 0.0
    apart = float(pd[of.in_group].mean() - pd[of.in_control].mean())
    return Compared(
        group,
        control,
        air=group.approved / control.approved if control.approved else None,
        interval=(ratio.low, ratio.high) if ratio else None,
        smd=apart / spread if spread else None,
    )


def _part(name: str, members: Bools, target: Floats, pd: Floats, approve_below: float) -> Part:
    loans = int(members.sum())
    if not loans:
        return Part(name, 0, None, None)
    outcomes = target[members]
    both = 0 < outcomes.sum() < loans
    auc = float(need("sklearn.metrics").roc_auc_score(outcomes, pd[members])) if both else None
    return Part(name, loans, float((pd[members] < approve_below).mean()), auc)
