"""`python -m tests.bench.scoring`: measure, and print what came of it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Spread, percentile
from tests.bench.scoring.rivals import CONTRIBS, LABELS, MARGIN, OURS, SHAP, Field, Shape, field_of

COMPACT, BATCH = Shape(100, 4, 30), Shape(500, 3, 200)
SLOW = {SHAP: 50}
"""How many times fewer rows are given to who takes that much longer."""
WIDTH = 150


def bench(
    rows: Annotated[int, typer.Option(min=100, help="Rows one by one, in a round.")] = 2_000,
    many: Annotated[int, typer.Option(min=100, help="Rows at once, in a round.")] = 20_000,
    repeats: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Measure a score with its exact contributions beside XGBoost and shap, all in one run and in turns."""
    found = {str(shape): measured(field_of(shape, max(rows, many)), rows, many, repeats) for shape in (COMPACT, BATCH)}
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    for shape, figures in found.items():
        console.print(_table(shape, figures))
        console.print(
            f"- additive to {figures['additive_to']:.1e} of XGBoost's margin; "
            f"apart from shap's contributions by {figures['apart_from_shap']:.1e} at the most",
            markup=False,
        )


def measured(field: Field, rows: int, many: int, repeats: int) -> dict[str, Any]:
    """Each rival's p50 of one row and rows a second of many, with the ratios of each round."""
    one: dict[str, list[float]] = {name: [] for name in field.rivals}
    bulk: dict[str, list[float]] = {name: [] for name in field.rivals}
    for number in range(repeats):
        for name in sorted(field.rivals, reverse=bool(number % 2)):
            rival = field.rivals[name]
            few = field.rows[: rows // SLOW.get(name, 1)]
            rival.one(few[:1])
            took = sorted(_timed(rival.one, few[i : i + 1]) for i in range(len(few)))
            one[name].append(1000 * percentile(took, 0.5))
            block = field.rows[: many // SLOW.get(name, 1)]
            bulk[name].append(len(block) / _timed(rival.many, block))
    return {
        "one row, p50 ms": {name: vars(Spread.of(values)) for name, values in one.items()},
        "rows per second": {name: vars(Spread.of(values)) for name, values in bulk.items()},
        "one row: theirs over Meridian's": _ratios(one, lambda theirs, ours: theirs / ours),
        "many: Meridian's rate over theirs": _ratios(bulk, lambda theirs, ours: ours / theirs),
        **_true(field),
    }


def _ratios(figures: dict[str, list[float]], ratio: Callable[[float, float], float]) -> dict[str, dict[str, float]]:
    return {
        name: vars(Spread.of([ratio(a, b) for a, b in zip(theirs, figures[OURS], strict=True)]))
        for name, theirs in figures.items()
        if name != OURS
    }


def _true(field: Field) -> dict[str, float]:
    """How far from XGBoost's margin, and from shap's contributions."""
    rows = field.rows[:100]
    shares = field.scorer.tables.contributions_of(rows)
    margins = np.asarray(field.rivals[MARGIN].many(rows), dtype=np.float64)
    additive = float(np.abs(field.scorer.tables.base + shares.sum(axis=1) - margins).max())
    apart = float("nan") if field.explained is None else float(np.abs(field.explained.shap_values(rows) - shares).max())
    return {"additive_to": additive, "apart_from_shap": apart}


def _timed(do: Callable[[Any], Any], what: Any) -> float:
    start = time.perf_counter()
    do(what)
    return time.perf_counter() - start


def _table(shape: str, figures: dict[str, Any]) -> Table:
    table = Table(title=f"{shape}: median (least–most)", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what", no_wrap=True)
    for shown in ("one row, p50 ms", "over Meridian's", "rows per second", "Meridian's over theirs"):
        table.add_column(shown, justify="right")
    for name in (OURS, CONTRIBS, SHAP, MARGIN):
        if name in figures["one row, p50 ms"]:
            table.add_row(
                LABELS[name],
                _text(figures["one row, p50 ms"][name], 3),
                _text(figures["one row: theirs over Meridian's"].get(name), 2),
                _text(figures["rows per second"][name], 0),
                _text(figures["many: Meridian's rate over theirs"].get(name), 2),
            )
    return table


def _text(spread: dict[str, float] | None, digits: int) -> str:
    if spread is None:
        return ""
    median, low, high = (f"{spread[name]:,.{digits}f}" for name in ("median", "low", "high"))
    return f"{median} ({low}–{high})"


if __name__ == "__main__":
    typer.run(bench)
