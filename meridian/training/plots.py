"""The card's plots, as SVG texts: the same curves give the same bytes, and both light and dark pages read well."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from meridian.extra import need
from meridian.policy import Bands
from meridian.training.describe import Dependence, Description, Drift, ReasonLine
from meridian.training.fairness import FOUR_FIFTHS, Compared
from meridian.training.measure import Curves

INK = "#808b98"
"""Axes and letters: a grey that is legible on white and on near-black; `on_page` makes it the page's own colour."""
BLUE, ORANGE, GREEN = "#3d7edb", "#e2793f", "#3a9d6e"
SIZE = (4.6, 3.3)
MOST_BARS = 10
FAIRNESS = "fairness"
STYLE: dict[str, Any] = {
    "svg.hashsalt": "meridian",  # ids inside the SVG are random without it
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.22,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
}

Floats = NDArray[np.float64]
T = TypeVar("T")


def draw_all(curves: Curves, target: Floats, pd: Floats, bands: Bands, auc: float, told: Description) -> dict[str, str]:
    """Every plot by name: `roc`, `calibration`, `scores`, `gains`, `stability`, `reasons`, `dependence`; `fairness`
    where there is a ratio to draw.
    """
    ratios = [one for one in told.fairness if one.air is not None]
    size = (2 * SIZE[0], 1.1 + 0.32 * len(ratios))
    return {
        "roc": _draw(lambda axes: _roc(axes, curves, auc)),
        "calibration": _draw(lambda axes: _calibration(axes, curves)),
        "scores": _draw(lambda axes: _scores(axes, target, pd, bands)),
        "gains": _draw(lambda axes: _gains(axes, curves)),
        "stability": _draw(lambda axes: _stability(axes, told.drifts)),
        "reasons": _draw(lambda axes: _reasons(axes, told.reasons)),
        "dependence": _draw_grid("Mean PD as one feature moves and all else stays", told.dependences, _dependence),
        **({FAIRNESS: _drawn(size, lambda figure: _fairness(figure.add_subplot(), ratios))} if ratios else {}),
    }


def on_page(svg: str) -> str:
    """A plot for a page: without the file's head, its ink the page's own colour, its width the space there is."""
    start = svg.index("<svg")
    opening, rest = svg[start:].split(">", 1)
    kept = " ".join(part for part in opening.split() if not part.startswith(("width=", "height=")))
    return (kept + ' class="plot">' + rest).replace(INK, "currentColor")


def _draw(paint: Callable[[Any], None]) -> str:
    return _drawn(SIZE, lambda figure: paint(figure.add_subplot()))


def _draw_grid(title: str, parts: Sequence[T], paint: Callable[[Any, T], None]) -> str:
    """Small plots side by side, three in a row, on one scale; twice as wide as a plot alone."""
    rows = max(ceil(len(parts) / 3), 1)

    def paint_all(figure: Any) -> None:
        figure.suptitle(title, fontsize=10, fontweight="bold")
        grid = figure.subplots(rows, 3, sharey=True, squeeze=False).ravel()
        for axes, part in zip(grid, parts, strict=False):
            paint(axes, part)
        for axes in grid[len(parts) :]:
            axes.set_visible(False)

    return _drawn((2 * SIZE[0], 0.5 + 1.6 * rows), paint_all)


def _drawn(size: tuple[float, float], paint: Callable[[Any], None]) -> str:
    matplotlib = need("matplotlib")
    figures = need("matplotlib.figure")
    with matplotlib.rc_context(STYLE):
        # A Figure of its own, without pyplot: no display, no global state.
        figure = figures.Figure(figsize=size, layout="constrained")
        paint(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _roc(axes: Any, curves: Curves, auc: float) -> None:
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    false_rate, true_rate = _thinned(curves.false_rate, curves.true_rate)
    axes.fill_between(false_rate, true_rate, color=BLUE, alpha=0.10, linewidth=0)
    axes.plot(false_rate, true_rate, color=BLUE, label=f"AUC {auc:.3f}")
    axes.set(title="ROC", xlabel="repaid loans flagged", ylabel="defaults flagged", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right")


def _calibration(axes: Any, curves: Curves) -> None:
    top = float(max(curves.predicted.max(), curves.observed.max())) * 1.12
    axes.plot([0, top], [0, top], color=INK, linewidth=0.8, linestyle=(0, (4, 3)), label="as predicted")
    error = 1.96 * np.sqrt(curves.observed * (1 - curves.observed) / curves.loans)
    axes.errorbar(
        curves.predicted, curves.observed, yerr=error, color=BLUE, marker="o", markersize=4, linewidth=1.2,
        elinewidth=0.9, label=f"tenths of the loans, ~{int(np.median(curves.loans)):,} each (95 %)",
    )  # fmt: skip
    axes.set(title="Calibration", xlabel="predicted PD", ylabel="share that defaulted", xlim=(0, top), ylim=(0, None))
    _percent(axes.xaxis)
    _percent(axes.yaxis)
    axes.legend(loc="upper left")


def _scores(axes: Any, target: Floats, pd: Floats, bands: Bands) -> None:
    top = float(max(np.quantile(pd, 0.998), bands.decline_above * 1.05))
    edges = np.linspace(0, top, 46)
    for outcome, colour, label in ((0.0, BLUE, "repaid"), (1.0, ORANGE, "defaulted")):
        of = pd[target == outcome]
        axes.hist(
            np.minimum(of, top), edges, weights=np.full(len(of), 1 / len(of)), color=colour, alpha=0.5, label=label
        )
    for at, word in ((bands.approve_below, "approve"), (bands.decline_above, "decline")):
        axes.axvline(at, color=INK, linewidth=1, linestyle=(0, (2, 2)))
        left = word == "approve"
        axes.annotate(
            f"< {word}" if left else f"{word} >", (at, 0.97), xycoords=("data", "axes fraction"), fontsize=8,
            xytext=(-4 if left else 4, 0), textcoords="offset points", ha="right" if left else "left", va="top",
        )  # fmt: skip
    axes.set(title="Scores by outcome", xlabel="PD", ylabel="share of the outcome's loans", xlim=(0, None))
    axes.margins(y=0.16)
    _percent(axes.xaxis)
    _percent(axes.yaxis)
    axes.legend(loc="center right")


def _gains(axes: Any, curves: Curves) -> None:
    reached, caught = _thinned(curves.reached, curves.caught)
    good = 1 - float(curves.observed @ curves.loans / curves.loans.sum())
    false_found = (curves.reached - curves.caught * (1 - good)) / good
    at = int(np.argmax(curves.caught - false_found))
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.plot(reached, caught, color=GREEN, label="defaults found")
    axes.plot(*_thinned(curves.reached, false_found), color=BLUE, linewidth=1.2, label="repaid loans found")
    axes.vlines(
        curves.reached[at], false_found[at], curves.caught[at], color=ORANGE, linewidth=1.4,
        label=f"KS {curves.caught[at] - false_found[at]:.3f}",
    )  # fmt: skip
    axes.set(title="Gains", xlabel="loans, riskiest first", ylabel="share found", xlim=(0, 1), ylim=(0, 1))
    _percent(axes.xaxis)
    _percent(axes.yaxis)
    axes.legend(loc="lower right")


def _stability(axes: Any, drifts: Sequence[Drift]) -> None:
    places = np.arange(len(drifts))
    top = max(0.3, *(one.psi * 1.15 for one in drifts))
    axes.bar(places, [one.psi for one in drifts], color=BLUE, alpha=0.7, width=0.6)
    for at, word in ((0.1, "look into it"), (0.25, "act")):
        axes.axhline(at, color=ORANGE, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(word, (1, at), xycoords=("axes fraction", "data"), fontsize=8, ha="right", va="bottom")
    step = max(1, len(drifts) // 6)
    axes.set_xticks(places[::step], [one.period for one in drifts[::step]])
    axes.set(title="Stability by test period", ylabel="PSI of the PDs, against training", ylim=(0, top))


def _reasons(axes: Any, reasons: Sequence[ReasonLine]) -> None:
    shown = reasons[:MOST_BARS][::-1]
    places = np.arange(len(shown))
    axes.barh(places, [line.share for line in shown], color=BLUE, alpha=0.35, label="among the four")
    axes.barh(places, [line.first for line in shown], color=BLUE, alpha=0.8, label="first")
    axes.set_yticks(places, [line.code for line in shown])
    axes.set(title="Reasons given", xlabel="share of the loans not approved", xlim=(0, 1))
    _percent(axes.xaxis)
    axes.legend(loc="lower right")


def _dependence(axes: Any, of: Dependence) -> None:
    axes.plot(of.values, of.pds, color=BLUE)
    axes.set_title(of.name, fontsize=8)
    axes.set_xlabel(of.unit, fontsize=7)
    axes.tick_params(labelsize=7)
    _percent(axes.yaxis)


def _fairness(axes: Any, compared: Sequence[Compared]) -> None:
    """Each ratio with its interval, the first of the table on top, those below four fifths in another colour."""
    for at, one in enumerate(reversed(compared)):
        colour = ORANGE if one.adverse else BLUE
        if one.interval is not None:
            axes.plot(one.interval, (at, at), color=colour, linewidth=1.4)
        axes.plot([one.air], [at], color=colour, marker="o", markersize=5)
    for ratio, style in ((1.0, "solid"), (FOUR_FIFTHS, (0, (4, 3)))):
        axes.axvline(ratio, color=INK, linewidth=0.9, linestyle=style)
    # A dollar sign would begin a formula.
    names = [f"{one.group.name} / {one.control.name}".replace("$", r"\$") for one in reversed(compared)]
    axes.set_yticks(range(len(names)), names)
    axes.set(title="Adverse impact ratio, with its interval of 95 %", ylim=(-0.6, len(names) - 0.4))
    axes.set_xlabel(f"share approved, over that of the control; dashed: {FOUR_FIFTHS}")


def _percent(axis: Any) -> None:
    axis.set_major_formatter(need("matplotlib.ticker").PercentFormatter(1.0, decimals=0))


def _thinned(x: Floats, y: Floats, points: int = 300) -> tuple[Floats, Floats]:
    """At most so many points of a curve, its ends among them: no eye sees more, and the page stays small."""
    keep = np.unique(np.linspace(0, len(x) - 1, points).astype(np.int64))
    return x[keep], y[keep]
