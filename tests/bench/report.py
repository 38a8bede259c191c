"""The figures as tables for reading, or as one JSON document that says the same."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figures, Spread
from tests.bench.rounds import LOADS, Results
from tests.bench.stage import DIRECT, GROUP, SUBJECTS, Stage
from tests.bench.wishes import WISHES, Wish, ratio

SHOWN = {"per_s": "per second", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "p999_ms": "p99.9 ms"}
MERIDIANS = (GROUP, DIRECT)
WIDTH = 124
"""What the tables take; where the output is no terminal, nobody says how much there is."""


def document(stage: Stage, results: Results, seconds: int, repeats: int) -> dict[str, Any]:
    """Everything, as JSON values."""
    return {
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
            "postgresql": stage.postgresql,
        },
        "seconds": seconds,
        "repeats": repeats,
        "row": {"bytes": stage.row.size, "meridian_rows": stage.row.rows},
        "measured": [
            {
                "subject": subject,
                "load": load,
                **{name: _numbers(_spread(rounds, name)) for name in SHOWN},
                "count": [figures.count for figures in rounds],
                "failed": dict(_failed(rounds)),
                "degraded": sum(figures.degraded for figures in rounds),
                "client_cpu": max(figures.client_cpu for figures in rounds),
                "quiet": all(figures.quiet for figures in rounds),
            }
            for (subject, load), rounds in results.items()
        ],
        "ratios": [
            {
                "subject": subject,
                "what": wish.what,
                **_numbers(spread),
                "wished": wish.wished,
                "reached": wish.reached(spread.median),
            }
            for subject in MERIDIANS
            for wish in WISHES
            if (spread := ratio(results, wish, subject))
        ],
    }


def print_report(stage: Stage, results: Results, seconds: int, repeats: int) -> None:
    """Two tables, and what one has to know to read them."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(_measured(results))
    console.print(_ratios(results))
    for note in _notes(stage, results, seconds, repeats):
        console.print(f"- {note}", markup=False)


def _measured(results: Results) -> Table:
    table = _table("Measured: median over the rounds (least–most)")
    for shown in ("load", "what"):
        table.add_column(shown, no_wrap=True)
    for shown in (*SHOWN.values(), "failed"):
        table.add_column(shown, justify="right")
    for load in LOADS:
        here = load.name
        for name, label in SUBJECTS.items():
            if rounds := results.get((name, load.name)):
                cells = [_text(_spread(rounds, figure)) for figure in SHOWN]
                table.add_row(here, label, *cells, _counts(_failed(rounds)))
                here = ""
        table.add_section()
    return table


def _ratios(results: Results) -> Table:
    table = _table("Ratios, taken within each round: median (least–most)")
    measured = [name for name in MERIDIANS if any(subject == name for subject, _ in results)]
    table.add_column("ratio", no_wrap=True)
    for shown in ("wished", *(SUBJECTS[name] for name in measured)):
        table.add_column(shown, justify="right")
    for wish in WISHES:
        cells = [_ratio(results, wish, name) for name in measured]
        if any(cells):
            table.add_row(wish.what, wish.wished, *cells)
    return table


def _ratio(results: Results, wish: Wish, subject: str) -> str:
    spread = ratio(results, wish, subject)
    if spread is None:
        return ""
    verdict = {None: "", True: "reached: ", False: "[bold]missed[/bold]: "}[wish.reached(spread.median)]
    return verdict + _text(spread)


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)


def _notes(stage: Stage, results: Results, seconds: int, repeats: int) -> Sequence[str]:
    everything = [figures for rounds in results.values() for figures in rounds]
    notes = [
        f"Rounds: {repeats}, {seconds} s for each load. {os.cpu_count()} CPUs, {platform.machine()}, Python "
        f"{platform.python_version()}, PostgreSQL {stage.postgresql} with every commit durable. The client shares "
        f"the CPUs, and used at most {max(figures.client_cpu for figures in everything):.0%} of one.",
        f"The row is a real decision of this run: {stage.row.size:,} bytes, which Meridian spreads over "
        f"{stage.row.rows} rows. pgbench and the peer write it as one row with a primary key.",
        "At 50/s callers come at random, and each one's time counts from the moment it was due.",
    ]
    fewest = min(figures.count for figures in everything)
    if fewest < 1000:
        notes.append(f"With few replies in a round ({fewest} at the least) p99.9 is no more than the slowest of them.")
    if degraded := sum(figures.degraded for figures in everything):
        notes.append(f"{degraded} decisions of Meridian's were made without a source that should have answered.")
    if noisy := sum(not figures.quiet for figures in everything):
        notes.append(f"Before {noisy} of {len(everything)} measurements something else kept the machine busy.")
    return notes


def _spread(rounds: Sequence[Figures], name: str) -> Spread:
    return Spread.of([getattr(figures, name) for figures in rounds])


def _numbers(spread: Spread) -> dict[str, float | None]:
    """As JSON has them: null where nothing was to be measured."""
    return {name: None if isnan(value) else round(value, 4) for name, value in asdict(spread).items()}


def _failed(rounds: Sequence[Figures]) -> Counter[str]:
    total: Counter[str] = Counter()
    for figures in rounds:
        total.update(figures.failed)
    return total


def _counts(failed: Counter[str]) -> str:
    return ", ".join(f"{count} x {what}" for what, count in failed.most_common()) or "0"


def _text(spread: Spread) -> str:
    alone = _digits(spread.median)
    return alone if spread.low == spread.high else f"{alone} ({_digits(spread.low)}–{_digits(spread.high)})"


def _digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
