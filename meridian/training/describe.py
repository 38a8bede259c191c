"""What is to be said of a model beside its metrics: bands, features, reasons, stability; for its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.outcome import Outcome
from meridian.policy import Bands
from meridian.products import Product
from meridian.reasons import Cured, cited, cure
from meridian.registry import Manifest
from meridian.training.fairness import Compared, compare
from meridian.training.fit import Fitted
from meridian.training.frame import Frame
from meridian.training.measure import psi

EXPLAINED_LOANS = 2000
"""Contributions are summed up over at most so many test loans, drawn by the model's seed."""
CURED_LOANS = 250
"""Of those, for so many the cited reasons are cured and the loan is scored again."""
DIRECTIONS = {-1: "lowers risk", 0: "free", 1: "raises risk"}


DEPENDENCE_LOANS, DEPENDENCE_POINTS, DEPENDENCES = 100, 21, 6


@dataclass(frozen=True)
class BandShare:
    """How many test loans a band holds, and how many of them defaulted (None: the band is empty)."""

    outcome: str
    share: float
    default_rate: float | None


@dataclass(frozen=True)
class FeatureLine:
    """A feature's line: `gain` is its mean gain a split over the sum, `weight` its mean absolute contribution."""

    name: str
    meaning: str
    unit: str
    source: str
    direction: str
    gain: float
    weight: float


@dataclass(frozen=True)
class ReasonLine:
    """How often a reason stood among the principal ones, and first, of the loans the score would not approve."""

    code: str
    text: str
    share: float
    first: float


@dataclass(frozen=True)
class Dependence:
    """How the mean PD moves with one feature while all else stays as it is (partial dependence: Friedman, 2001)."""

    name: str
    unit: str
    values: tuple[float, ...]
    pds: tuple[float, ...]


@dataclass(frozen=True)
class Drift:
    """The population stability index of the PDs of a test period, against the loans that trained."""

    period: str
    loans: int
    psi: float


@dataclass(frozen=True)
class Description:
    """Of one model on its test loans; `explained`, `refused`: of how many contributions and reasons were looked at."""

    bands: list[BandShare]
    features: list[FeatureLine]
    explained: int
    reasons: list[ReasonLine]
    refused: int
    cured: Cured
    dependences: list[Dependence]
    drifts: list[Drift]
    fairness: list[Compared]
    """Empty where nothing says who belongs to which group: then it was not measured."""

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        shares = {"toward_share": self.cured.toward_share, "flipped_share": self.cured.flipped_share}
        fairness = [one.document() for one in self.fairness]
        return {**asdict(self), "cured": {**asdict(self.cured), **shares}, "fairness": fairness}


def describe(product: Product, frame: Frame, fitted: Fitted, manifest: Manifest) -> Description:
    """Look at a model's test loans, or at a sample of them drawn by the model's seed."""
    test = np.flatnonzero(~frame.trains)
    pd = fitted.pds[test]
    bands = product.policy.at(manifest.purpose.rung).bands
    inputs = frame.inputs(fitted.features)
    sampled = _sample(test, EXPLAINED_LOANS, manifest.seed)
    refused = _sample(test[pd >= bands.approve_below], EXPLAINED_LOANS, manifest.seed)
    codes = cited(product.reasons, fitted.scorer, inputs[refused])
    tested = refused[:CURED_LOANS]
    features = _feature_lines(product, fitted, inputs[sampled])
    return Description(
        bands=band_shares(bands, frame.target[test], pd),
        features=features,
        explained=len(sampled),
        reasons=_reason_lines(product, codes),
        refused=len(refused),
        cured=cure(
            product.reasons, fitted.scorer, inputs[tested], codes[: len(tested)], fitted.reference, bands.approve_below
        ),
        dependences=[
            _dependence(fitted, inputs[_sample(test, DEPENDENCE_LOANS, manifest.seed)], line)
            for line in features[:DEPENDENCES]
        ],
        drifts=drifts(frame, fitted.pds),
        fairness=fairness(frame, fitted.pds, bands.approve_below),
    )


def band_shares(bands: Bands, target: NDArray[np.float64], pd: NDArray[np.float64]) -> list[BandShare]:
    """What the score alone would lead to at the bands of its rung, before any rule of the policy."""
    lows, highs = pd < bands.approve_below, pd > bands.decline_above
    members = {Outcome.APPROVE: lows, Outcome.REFER: ~lows & ~highs, Outcome.DECLINE: highs}
    return [
        BandShare(outcome.value, float(of.mean()), float(target[of].mean()) if of.any() else None)
        for outcome, of in members.items()
    ]


def _feature_lines(product: Product, fitted: Fitted, rows: NDArray[np.float32]) -> list[FeatureLine]:
    """The model's features, the weightiest first."""
    weights = np.abs(fitted.scorer.contributions_of(rows)).mean(axis=0)
    total = sum(fitted.gain.values()) or 1.0
    lines = []
    for name, weight in zip(fitted.features, weights.tolist(), strict=True):
        of = product.features[name]
        direction = DIRECTIONS[int(of.direction)]
        lines.append(
            FeatureLine(name, of.meaning, of.unit, of.source, direction, fitted.gain.get(name, 0.0) / total, weight)
        )
    return sorted(lines, key=lambda line: (-line.weight, line.name))


def _reason_lines(product: Product, codes: Sequence[Sequence[str]]) -> list[ReasonLine]:
    """Frequency of each principal reason, of the loans it was cited for."""
    given = Counter(chain.from_iterable(codes))
    leading = Counter(chain.from_iterable(of[:1] for of in codes))
    return [
        ReasonLine(code, product.reasons[code].text, count / len(codes), leading[code] / len(codes))
        for code, count in sorted(given.items(), key=lambda item: (-item[1], item[0]))
    ]


def _dependence(fitted: Fitted, rows: NDArray[np.float32], line: FeatureLine) -> Dependence:
    place = fitted.features.index(line.name)
    known = rows[:, place][np.isfinite(rows[:, place])]
    values = np.unique(np.quantile(known, np.linspace(0.02, 0.98, DEPENDENCE_POINTS))) if len(known) else known
    pds = []
    for value in values:
        moved = rows.copy()
        moved[:, place] = value
        pds.append(round(float(fitted.scorer.pds(moved).mean()), 6))
    return Dependence(line.name, line.unit, tuple(float(value) for value in values), tuple(pds))


def drifts(frame: Frame, pds: NDArray[np.float64]) -> list[Drift]:
    """By test period, the oldest first; parts that were drawn are no periods, and are taken together."""
    base, test = pds[frame.trains], ~frame.trains
    if frame.split.at_random:
        return [Drift("test", int(test.sum()), psi(base, pds[test]))]
    periods = [(period, frame.period == period) for period in np.unique(frame.period[test]).tolist()]
    return [
        Drift(f"{period // 12:04d}-{period % 12 + 1:02d}", int(rows.sum()), psi(base, pds[rows]))
        for period, rows in periods
    ]


def fairness(frame: Frame, pds: NDArray[np.float64], approve_below: float) -> list[Compared]:
    """The groups that the past loans tell apart, compared on the test loans by what the score alone would approve."""
    test = ~frame.trains
    return [compare(one.among(test), frame.target[test], pds[test], approve_below) for one in frame.groups]


def _sample(positions: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    if len(positions) <= most:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, most, replace=False))
