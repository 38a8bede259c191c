"""The figures as tables for reading, or as one JSON document that says the same."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.features.joins import JOINS
from tests.bench.features.race import Joined
from tests.bench.features.rates import RATES, Made
from tests.bench.features.reads import FIELDS, READS, SOURCES
from tests.bench.features.wishes import WISHES, Series
from tests.bench.figures import Figures, Spread

WIDTH = 124
JOIN_FIGURES = {"seconds": "seconds", "cpu_s": "CPU seconds", "peak_mb": "peak MB"}
READ_FIGURES = {"p50_ms": "p50 ms", "p99_ms": "p99 ms"}


@dataclass
class Found:
    """All that was measured, with the sizes it was measured at; what was not asked for is empty."""

    sizes: Mapping[str, object]
    joins: Mapping[str, Joined] = field(default_factory=dict)
    reads: Mapping[str, Sequence[Figures]] = field(default_factory=dict)
    rates: Mapping[str, Sequence[Made]] = field(default_factory=dict)

    def series(self) -> Series:
        """Every figure of every subject."""
        found = {(name, key): getattr(one, key) for name, one in self.joins.items() for key in JOIN_FIGURES}
        found |= {
            (name, key): [getattr(one, key) for one in rounds]
            for name, rounds in self.reads.items()
            for key in READ_FIGURES
        }
        return found | {(name, "per_s"): [one.per_s for one in made] for name, made in self.rates.items()}


def document(found: Found) -> dict[str, Any]:
    """Everything, as JSON values."""
    series = found.series()
    return {
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "sizes": dict(found.sizes),
        "measured": [
            {"subject": subject, "figure": figure, **asdict(Spread.of(values)), "rounds": list(values)}
            for (subject, figure), values in series.items()
            if values
        ],
        "answers": {
            name: {**(asdict(one.wrong) if one.wrong else {}), "failed": one.failed}
            for name, one in found.joins.items()
        },
        "vectors": {name: [one.vectors for one in made] for name, made in found.rates.items()},
        "ratios": [
            {"what": wish.what, **asdict(ratio), "at_most": wish.at_most, "reached": wish.reached(ratio)}
            for wish in WISHES
            if (ratio := wish.ratio(series))
        ],
    }


def print_report(found: Found) -> None:
    """A table for each part, and what one has to know to read them."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    series = found.series()
    tables = (
        _joins(found, series) if found.joins else None,
        _plain("Online reads", {name: READS[name] for name in found.reads}, READ_FIGURES, series),
        _plain("Materialisation", {name: RATES[name] for name in found.rates}, {"per_s": "vectors per second"}, series),
        _ratios(series),
    )
    for table in tables:
        if table is not None:
            console.print(table)
    for note in _notes(found):
        console.print(f"- {note}", markup=False)


def _joins(found: Found, series: Series) -> Table:
    table = _table(
        "Joins at points in time: median over the rounds (least–most)", *JOIN_FIGURES.values(), "leaked", "other"
    )
    for name, joined in found.joins.items():
        cells = [_of(series[name, key]) for key in JOIN_FIGURES]
        wrong = [f"{joined.wrong.leaked:,}", f"{joined.wrong.other:,}"] if joined.wrong else ["", ""]
        table.add_row(JOINS[name], *(cells if joined.seconds else [joined.failed, "", ""]), *wrong)
    return table


def _plain(title: str, subjects: Mapping[str, str], figures: Mapping[str, str], series: Series) -> Table | None:
    table = _table(f"{title}: median over the rounds (least–most)", *figures.values())
    for name, label in subjects.items():
        table.add_row(label, *(_of(series[name, key]) for key in figures))
    return table if subjects else None


def _ratios(series: Series) -> Table:
    table = _table("Ratios, taken within each round: median (least–most)", "wished", "found")
    for wish in WISHES:
        if ratio := wish.ratio(series):
            verdict = {None: "", True: "reached: ", False: "[bold]missed[/bold]: "}[wish.reached(ratio)]
            table.add_row(wish.what, f"<= {wish.at_most:g}" if wish.at_most else "", verdict + _text(ratio))
    return table


def _table(title: str, *figures: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what", no_wrap=True)
    for shown in figures:
        table.add_column(shown, justify="right")
    return table


def _notes(found: Found) -> Sequence[str]:
    sizes = ", ".join(
        f"{value:,} {name}" if isinstance(value, int) else f"{name} {value}" for name, value in found.sizes.items()
    )
    notes = [f"{sizes}. {os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}."]
    if found.joins:
        notes += [
            "Each join starts from pairs in memory and the same Parquet files, in a process of its own. CPU seconds "
            "say what it took where something else used the machine.",
            "leaked: pairs answered by an event that got known after the cut-off. other: pairs answered otherwise than "
            "by Meridian, whose answers are held against the definition. An ASOF join on the later of both times "
            "leaks nothing, but takes what got known last for what happened last, and counts rows taken back.",
        ]
    if found.reads:
        notes.append(
            f"{len(SOURCES)} vectors of {FIELDS} numbers each; the bare row holds all {len(SOURCES) * FIELDS}. Each "
            "kind has a connection of its own; they are called in turn, in one process."
        )
    if found.rates:
        notes.append(
            "A vector is one applicant's fields of one source; the rate is of all sources, one after the other."
        )
    return notes


def _of(values: Sequence[float]) -> str:
    return _text(Spread.of(values)) if values else ""


def _text(spread: Spread) -> str:
    alone = _digits(spread.median)
    return alone if spread.low == spread.high else f"{alone} ({_digits(spread.low)}–{_digits(spread.high)})"


def _digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
