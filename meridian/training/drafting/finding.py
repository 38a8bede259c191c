"""What was found about each column, for the report."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, dataclass
from typing import Any

USED, LEFT_OUT, PROTECTED, TARGET, TIME, ENTITY = "used", "left out", "protected", "target", "time", "entity"


@dataclass
class Finding:
    """One column: what became of it, why, and what its owner should look at.

    `auc` is of its value alone, `missing_auc` of whether there is one, on the loans that train; `direction` says
    which way risk moves, and `evidence` on what ground.
    """

    column: str
    role: str = USED
    kind: str = ""
    field: str = ""
    why: str = ""
    leak: bool = False
    missing_share: float = 0.0
    distinct: int = 0
    auc: float | None = None
    missing_auc: float | None = None
    direction: str = ""
    evidence: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    def leave_out(self, why: str, *, leak: bool = False) -> None:
        """No input, and why; `leak`: because it was written after the application."""
        self.role, self.why, self.leak, self.warnings = LEFT_OUT, why, leak, []

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Summary:
    """The table as a whole."""

    file: str
    encoding: str
    delimiter: str
    loans: int
    defaults: int
    without_outcome: int
    bad: str
    good: str
    trains: int
    split: str
    quick_auc: float
    approve_below: float
    decline_above: float
    warnings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)
