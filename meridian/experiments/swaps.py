"""The swap set: what two models decide unlike of the same evidence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Said:
    """An outcome and the codes of its reasons, in their order."""

    outcome: str
    reasons: tuple[str, ...]


@dataclass
class Swaps:
    """What became of so many decisions; `outcomes` counts (was, would be). `skipped` lack what the model reads."""

    decisions: int = 0
    skipped: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    other_reasons: int = 0
    """Of those that are not approved either way, how many have other reasons."""

    def note(self, was: Said, would_be: Said) -> None:
        """One decision more."""
        self.decisions += 1
        self.outcomes[was.outcome, would_be.outcome] += 1
        self.other_reasons += bool(was.reasons and would_be.reasons and was.reasons != would_be.reasons)

    @property
    def changed(self) -> int:
        """How many have another outcome."""
        return sum(count for (was, would_be), count in self.outcomes.items() if was != would_be)

    @property
    def changed_share(self) -> float:
        """1.0 where nothing was decided: what was not measured is not good."""
        return self.changed / self.decisions if self.decisions else 1.0

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        swaps = [{"was": was, "would_be": would_be, "decisions": n} for (was, would_be), n in self.outcomes.items()]
        return {
            "decisions": self.decisions, "skipped": self.skipped, "changed": self.changed,
            "other_reasons": self.other_reasons, "outcomes": sorted(swaps, key=lambda one: -one["decisions"]),
        }  # fmt: skip
