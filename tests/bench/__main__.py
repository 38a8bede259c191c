"""`python -m tests.bench`: measure, and print what came of it."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench.load import Load
from tests.bench.report import document, print_report
from tests.bench.rounds import Results, cells, play
from tests.bench.stage import SUBJECTS, Stage, stage

# Nothing from the outside decides which servers are measured.
FROM_OUTSIDE = ("DATABASE_URL", "ADMIN_DATABASE_URL", "BROKER_URL", "ONLINE_DATABASE_URL", "MERIDIAN_HOME")


def bench(
    seconds: Annotated[int, typer.Option(min=1, help="How long each load is kept up.")] = 10,
    repeats: Annotated[int, typer.Option(min=1, help="How many rounds.")] = 3,
    only: Annotated[list[str] | None, typer.Option(help=f"Some of: {', '.join(SUBJECTS)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Measure decisions over HTTP, beside a peer and the physical limits, all in one run."""
    wanted = set(only or SUBJECTS)
    if unknown := wanted - set(SUBJECTS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}; there are {', '.join(SUBJECTS)}", param_hint="--only")
    for name in FROM_OUTSIDE:
        os.environ.pop(name, None)
    with _progress() as bar:
        task = bar.add_task("starting", total=None)
        with stage(wanted, lambda part: bar.update(task, description=f"starting: {part}")) as ready:
            bar.update(task, total=repeats * len(cells(ready.subjects)))

            def report(name: str, load: Load, number: int) -> None:
                what = f"round {number}: {SUBJECTS[name]}, {load.name}" if number else f"warming: {SUBJECTS[name]}"
                bar.update(task, description=what, advance=1 if number else 0)

            results = play(ready.subjects, repeats, seconds, report)
    _print(ready, results, seconds, repeats, as_json)


def _progress() -> Progress:
    """Drawn seldom: it runs on the machine that is measured."""
    columns = TextColumn("{task.description:<52}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2)


def _print(ready: Stage, results: Results, seconds: int, repeats: int, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(document(ready, results, seconds, repeats), indent=2) + "\n")
    else:
        print_report(ready, results, seconds, repeats)


if __name__ == "__main__":
    typer.run(bench)
