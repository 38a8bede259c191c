"""An experiment's arms: what each model decided, how far they are apart, and whether that is more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meridian.experiments.estimates import Estimate, mean_of, means_apart, paired_shares_apart, share_of, shares_apart
from meridian.experiments.groups import Groups, Impact
from meridian.experiments.swaps import Swaps
from meridian.outcome import Outcome


@dataclass(frozen=True)
class Seen:
    """What was, or would have been, decided about an applicant."""

    applicant_id: str
    outcome: str
    pd: float

    @property
    def approved(self) -> bool:
        """Whether it was an approval."""
        return self.outcome == Outcome.APPROVE


@dataclass(frozen=True)
class Arm:
    """One model's part: the shares of its outcomes, and its mean PD."""

    model_sha256: str
    decisions: int
    outcomes: Mapping[str, Estimate]
    pd: Estimate | None
    impact: Impact | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "model_sha256": self.model_sha256, "decisions": self.decisions,
            "outcomes": {name: estimate.document() for name, estimate in self.outcomes.items()},
            "pd": self.pd.document() if self.pd else None, "fairness": self.impact.document() if self.impact else None,
        }  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """Both arms; `approvals` and `pd` are the new model's less the champion's."""

    champion: Arm
    other: Arm
    approvals: Estimate | None
    pd: Estimate | None
    swaps: Swaps

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "champion": self.champion.document(), "other": self.other.document(),
            "apart": {
                "approve": self.approvals.document() if self.approvals else None,
                "pd": self.pd.document() if self.pd else None,
            },
            "swaps": self.swaps.document(),
        }  # fmt: skip


def side_by_side(
    champion: tuple[str, Sequence[Seen]], other: tuple[str, Sequence[Seen]], swaps: Swaps, groups: Groups | None = None
) -> Experiment:
    """Of applicants who were dealt out to two models, each `(hash, what it decided)`."""
    arms = [_arm(sha256, seen, groups) for sha256, seen in (champion, other)]
    approvals = [arm.outcomes.get(Outcome.APPROVE.value) for arm in arms]
    apart = shares_apart(approvals[1], approvals[0]) if approvals[0] and approvals[1] else None
    pds = [[one.pd for one in seen] for _, seen in (champion, other)]
    return Experiment(arms[0], arms[1], apart, means_apart(pds[1], pds[0]), swaps)


def paired(
    champion: tuple[str, Sequence[Seen]], other: tuple[str, Sequence[Seen]], swaps: Swaps, groups: Groups | None = None
) -> Experiment:
    """Of the same applicants in the same order, about each of whom both have said something."""
    arms = [_arm(sha256, seen, groups) for sha256, seen in (champion, other)]
    pairs = list(zip(champion[1], other[1], strict=True))
    gained = sum(would_be.approved and not was.approved for was, would_be in pairs)
    lost = sum(was.approved and not would_be.approved for was, would_be in pairs)
    return Experiment(
        arms[0],
        arms[1],
        paired_shares_apart(gained, lost, len(pairs)),
        mean_of([would_be.pd - was.pd for was, would_be in pairs]),
        swaps,
    )


def _arm(sha256: str, seen: Sequence[Seen], groups: Groups | None) -> Arm:
    counted = Counter(one.outcome for one in seen)
    outcomes = {of.value: share_of(counted[of.value], len(seen)) for of in Outcome} if seen else {}
    impact = groups.impact([(one.applicant_id, one.approved) for one in seen]) if groups else None
    return Arm(sha256, len(seen), outcomes, mean_of([one.pd for one in seen]), impact)
