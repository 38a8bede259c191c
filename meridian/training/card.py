"""The model card: what a model reads, how good it is, why it says no, and what it must not be used for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from meridian.products import Product
from meridian.registry import Manifest
from meridian.training.describe import describe
from meridian.training.fairness import FOUR_FIFTHS, NOT_MEASURED
from meridian.training.fit import Fitted
from meridian.training.frame import Frame
from meridian.training.measure import curves
from meridian.training.plots import FAIRNESS, draw_all, on_page

TEMPLATES = Path(__file__).parent


def make_card(product: Product, frame: Frame, fitted: Fitted, manifest: Manifest) -> dict[str, bytes]:
    """The card's files by name: `card.md`, `card.html` (one file, no other asset), `card.json`, the plots as SVG."""
    test = np.flatnonzero(~frame.trains)
    target, pd = frame.target[test], fitted.pds[test]
    bands = product.policy.at(manifest.purpose.rung).bands
    told = describe(product, frame, fitted, manifest)
    plots = draw_all(curves(target, pd), target, pd, bands, manifest.metrics["test"]["auc"], told)
    context: dict[str, Any] = {
        "product": product,
        "manifest": manifest,
        "metric_names": METRICS,
        "cuts": bands,
        "told": told,
        "reference_rows": len(fitted.reference),
        "plots": [name for name in plots if name != FAIRNESS],
        "fairness_plot": FAIRNESS if FAIRNESS in plots else None,
        "four_fifths": FOUR_FIFTHS,
        "not_measured": NOT_MEASURED,
        "share": lambda of: _shown("{:.1%}", of),
        "figure": lambda of: _shown("{:.3f}", of),
    }
    markdown = _templates(escape=False).get_template("card.md.j2").render(context)
    svgs = {name: Markup(on_page(svg)) for name, svg in plots.items()}  # noqa: S704 - drawn here; names are escaped in them
    html = _templates(escape=True).get_template("card.html.j2").render(context, svgs=svgs)
    document = {"model": manifest.name, "sha256": manifest.sha256, "manifest": manifest.document(), **told.document()}
    files = {
        "card.md": markdown,
        "card.html": html,
        "card.json": json.dumps(document, indent=2) + "\n",
        **{f"{name}.svg": svg for name, svg in plots.items()},
    }
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


def _shown(form: str, of: float | None) -> str:
    return "–" if of is None else form.format(of)


def _templates(*, escape: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escape,  # noqa: S701 - off for Markdown alone, where `&` stands for itself
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
