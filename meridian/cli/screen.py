"""What people see: progress and talk on standard error, so that standard output stays clean for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

talk = Console(stderr=True, highlight=False)
out = Console(highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """An error, in red where there are colours."""
    talk.print(message, style="red", markup=False)


def ask_password(prompt: str, *, confirm: bool = False) -> str:
    """A password, unseen; where nobody sits at a terminal, the next line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows for reading."""
    table = Table()
    for place, column in enumerate(columns):
        table.add_column(column, no_wrap=place == 0)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """`report(what, share)`: a bar for each `what`, from 0 to 1. Silent where nobody looks."""
    with Progress(
        TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn(), console=talk, transient=True
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def report(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=share)

        yield report
