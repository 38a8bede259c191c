"""`python -m tests.bench.features`: measure, and print what came of it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.bench.features.database import database
from tests.bench.features.inputs import Size, make_inputs
from tests.bench.features.joins import JOINS
from tests.bench.features.race import Joined, Race
from tests.bench.features.rates import RATES, Made, Rates, make_lender
from tests.bench.features.reads import Reads, fill
from tests.bench.features.report import Found, document, print_report
from tests.bench.figures import Figures

JOIN, READ, RATE = PARTS = ("join", "read", "rate")
# Nothing from the outside decides which server is measured.
FROM_OUTSIDE = ("DATABASE_URL", "ADMIN_DATABASE_URL", "BROKER_URL", "ONLINE_DATABASE_URL", "MERIDIAN_HOME")
Say = Callable[[str], None]


def bench(
    events: Annotated[int, typer.Option(min=1000, help="Events that are joined.")] = 20_000_000,
    pairs: Annotated[int, typer.Option(min=100, help="(Applicant, cut-off) pairs, two of each applicant.")] = 1_000_000,
    stored: Annotated[int, typer.Option(min=100, help="Applicants in the store that is read.")] = 200_000,
    reads: Annotated[int, typer.Option(min=100, help="Reads of each kind in a round.")] = 5_000,
    applicants: Annotated[int, typer.Option(min=1000, help="Applicants whose vectors are made.")] = 50_000,
    repeats: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 3,
    memory: Annotated[str, typer.Option(help="What each DuckDB may take, Feast's too.")] = "8GB",
    feast_python: Annotated[Path | None, typer.Option(help="A Python that has feast[duckdb]; else without it.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Some of: {', '.join(PARTS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Measure the feature store beside what else can do a part of its work, all in one run."""
    wanted = set(only or PARTS)
    if unknown := wanted - set(PARTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", param_hint="--only")
    for name in FROM_OUTSIDE:
        os.environ.pop(name, None)
    sizes = {
        JOIN: {"events": events, "pairs": pairs, "memory of each DuckDB": memory},
        RATE: {"applicants materialised": applicants},
        READ: {"applicants stored": stored, "reads": reads},
    }
    found = Found(
        {"rounds": repeats} | {name: size for part in PARTS if part in wanted for name, size in sizes[part].items()}
    )
    with _progress() as say, tempfile.TemporaryDirectory(prefix="meridian-bench-") as folder:
        home = Path(folder)
        if JOIN in wanted:
            found.joins = _joins(home / "joins", Size(events, pairs), memory, feast_python, repeats, say)
        if RATE in wanted:
            found.rates = _rates(home / "lender", applicants, repeats, say)
        if READ in wanted:
            found.reads = _reads(stored, reads, repeats, say)
    if as_json:
        sys.stdout.write(json.dumps(document(found), indent=2) + "\n")
    else:
        print_report(found)


def _joins(
    folder: Path, size: Size, memory: str, feast_python: Path | None, repeats: int, say: Say
) -> dict[str, Joined]:
    folder.mkdir()
    inputs = make_inputs(folder, size, lambda part: say(f"making {part}"))
    race = Race(inputs, memory, feast_python)
    return race.run(repeats, lambda name, number: say(f"round {number} of {repeats}: {JOINS[name]}"))


def _rates(folder: Path, applicants: int, repeats: int, say: Say) -> dict[str, list[Made]]:
    make_lender(folder, applicants, lambda part: say(f"making {part}"))
    with database() as url:
        rates = Rates(url, folder)
        return rates.run(repeats, lambda name, number: say(f"round {number} of {repeats}: vectors, {RATES[name]}"))


def _reads(stored: int, count: int, repeats: int, say: Say) -> dict[str, list[Figures]]:
    with database() as url:
        fill(url, stored, lambda part: say(f"making {part}"))
        return Reads(url, stored, count).run(repeats, lambda number: say(f"round {number} of {repeats}: reads"))


@contextmanager
def _progress() -> Iterator[Say]:
    """Drawn seldom: it runs on the machine that is measured."""
    columns = SpinnerColumn(), TextColumn("{task.description:<60}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda what: bar.update(task, description=what)


if __name__ == "__main__":
    typer.run(bench)
