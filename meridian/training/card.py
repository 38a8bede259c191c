"""The model card: what a model reads, how good it is, why it says no, and what it must not be used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from meridian.outcome import Outcome
from meridian.policy import Bands
from meridian.products import Product
from meridian.reasons import principal
from meridian.registry import Manifest
from meridian.scoring import Score
from meridian.training.fit import Fitted
from meridian.training.frame import Frame
from meridian.training.measure import curves
from meridian.training.plots import draw_all, on_page

TEMPLATES = Path(__file__).parent
EXPLAINED_LOANS = 2000
"""Contributions are summed up over at most so many test loans, drawn by the model's seed."""
DIRECTIONS = {-1: "lowers risk", 0: "free", 1: "raises risk"}


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


def make_card(product: Product, frame: Frame, fitted: Fitted, manifest: Manifest) -> dict[str, bytes]:
    """The card's files by name: `card.md`, `card.html` (one file, no other asset) and the plots as SVG."""
    test = np.flatnonzero(~frame.trains)
    target, pd = frame.target[test], fitted.pds[test]
    bands = product.policy.at(manifest.purpose.rung).bands
    plots = draw_all(curves(target, pd), target, pd, bands, manifest.metrics["test"]["auc"])
    inputs = frame.inputs(fitted.features)
    sampled = _sample(test, manifest.seed)
    refused = _sample(test[pd >= bands.approve_below], manifest.seed)
    context: dict[str, Any] = {
        "product": product,
        "manifest": manifest,
        "metric_names": METRICS,
        "cuts": bands,
        "bands": band_shares(bands, target, pd),
        "features": _feature_lines(product, fitted, inputs[sampled]),
        "explained": len(sampled),
        "reasons": _reason_lines(product, fitted, inputs[refused], fitted.pds[refused]),
        "refused": len(refused),
        "reference_rows": len(fitted.reference),
        "plots": list(plots),
    }
    markdown = _templates(escape=False).get_template("card.md.j2").render(context)
    svgs = {name: Markup(on_page(svg)) for name, svg in plots.items()}  # noqa: S704 - drawn here, from numbers
    html = _templates(escape=True).get_template("card.html.j2").render(context, svgs=svgs)
    files = {"card.md": markdown, "card.html": html, **{f"{name}.svg": svg for name, svg in plots.items()}}
    return {name: text.encode() for name, text in files.items()}


METRICS: Mapping[str, tuple[str, str]] = {
    "loans": ("Loans", "{:,.0f}"),
    "base_rate": ("Share that defaulted", "{:.2%}"),
    "mean_pd": ("Mean predicted PD", "{:.2%}"),
    "auc": ("AUC", "{:.4f}"),
    "gini": ("Gini", "{:.4f}"),
    "ks": ("KS", "{:.4f}"),
    "brier": ("Brier score", "{:.4f}"),
    "log_loss": ("Log loss", "{:.4f}"),
    "calibration_slope": ("Calibration slope (1 is right)", "{:.3f}"),
}


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
    weights = np.abs(fitted.scorer.tables.contributions_of(rows)).mean(axis=0) * fitted.calibration.slope
    total = sum(fitted.gain.values()) or 1.0
    lines = []
    for name, weight in zip(fitted.features, weights.tolist(), strict=True):
        of = product.features[name]
        direction = DIRECTIONS[int(of.direction)]
        lines.append(
            FeatureLine(name, of.meaning, of.unit, of.source, direction, fitted.gain.get(name, 0.0) / total, weight)
        )
    return sorted(lines, key=lambda line: (-line.weight, line.name))


def _reason_lines(
    product: Product, fitted: Fitted, rows: NDArray[np.float32], pds: NDArray[np.float64]
) -> list[ReasonLine]:
    """Frequency of each principal reason, given as a decision would give it."""
    if not len(rows):
        return []
    shares = fitted.scorer.tables.contributions_of(rows) * fitted.calibration.slope
    given: Counter[str] = Counter()
    leading: Counter[str] = Counter()
    for values, pd in zip(shares.tolist(), pds.tolist(), strict=True):
        score = Score(pd, 0, dict(zip(fitted.features, values, strict=True)))
        codes = [reason.code for reason in principal(product.reasons.of_score(score))]
        given.update(codes)
        leading.update(codes[:1])
    return [
        ReasonLine(code, product.reasons[code].text, count / len(rows), leading[code] / len(rows))
        for code, count in sorted(given.items(), key=lambda item: (-item[1], item[0]))
    ]


def _sample(positions: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    if len(positions) <= EXPLAINED_LOANS:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, EXPLAINED_LOANS, replace=False))


def _templates(*, escape: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escape,  # noqa: S701 - off for Markdown alone, where `&` stands for itself
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
