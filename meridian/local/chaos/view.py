"""What a person sees while sources fail, and what is left to read at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from meridian.evidence import Rung
from meridian.local.chaos.breakers import State
from meridian.local.chaos.schedule import Trouble
from meridian.local.chaos.tally import Counts
from meridian.outcome import Outcome

COLOURS = {State.CLOSED: "green", State.HALF_OPEN: "yellow", State.OPEN: "red"}


@dataclass(frozen=True)
class Snapshot:
    """The demonstration at one moment. `done` is the share of the schedule that is over."""

    phase: str
    done: float
    left_s: float
    troubles: Mapping[str, Trouble]
    states: Mapping[str, State]
    recent: Counts
    total: Counts


@contextmanager
def live_view(console: Console) -> Iterator[Callable[[Snapshot], None]]:
    """`show(snapshot)`, in place of the one before."""
    with Live(console=console, auto_refresh=False) as live:
        yield lambda snapshot: live.update(render(snapshot), refresh=True)


def rung_name(rung: Rung) -> str:
    """A rung as it is spoken of."""
    return f"{int(rung)} {rung.name.lower().replace('_', ' ')}"


def render(now: Snapshot) -> RenderableType:
    """All of it as one picture."""
    head = Text.assemble(("phase  ", "dim"), (now.phase, "bold"), (f"   {now.left_s:.0f} s left", "dim"))
    errors = len(now.total.errors)
    verdict = Text(f"errors: {errors}", style="bold red" if errors else "bold green")
    if errors:
        verdict.append(f"   first: {now.total.errors[0][:100]}", style="red")
    # In a row of its own: by itself a bar does not end its line.
    bar = Table.grid()
    bar.add_row(ProgressBar(total=1.0, completed=now.done, width=60))
    return Group(head, bar, _sources(now), _counts(now), verdict)


def _table(*columns: str) -> Table:
    """Without a frame: all of the picture is to fit into 24 lines. What is counted stands to the right."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _sources(now: Snapshot) -> Table:
    table = _table("source", "fault now", "breaker")
    for name, trouble in now.troubles.items():
        state = now.states.get(name, State.CLOSED)
        fault = Text(trouble, style="dim" if trouble is Trouble.NONE else "bold red")
        table.add_row(name, fault, Text(state, style=COLOURS[state]))
    return table


def _counts(now: Snapshot) -> Table:
    table = _table("", "last 10 s", "in all")
    both = (now.recent, now.total)
    table.add_row("decisions", *(f"{one.decisions:,}" for one in both))
    for rung in Rung:
        table.add_row(f"rung {rung_name(rung)}", *(f"{one.rungs.get(rung, 0):,}" for one in both))
    for outcome in Outcome:
        table.add_row(outcome.value, *(f"{one.outcomes.get(outcome.value, 0):,}" for one in both))
    table.add_row("p50 / p99 ms", *(f"{one.p50_ms:.0f} / {one.p99_ms:.0f}" for one in both))
    return table


def show_summary(console: Console, summary: Mapping[str, Any]) -> None:
    """What came of it, for reading."""
    table = _table("phase", "made", "errors", "p50", "p99", *(f"r{rung}" for rung in map(int, Rung)))
    for phase in summary["phases"]:
        cells = [phase["decisions"], phase["errors"]["count"], round(phase["p50_ms"]), round(phase["p99_ms"])]
        cells += [phase["rungs"].get(rung_name(rung), "") for rung in Rung]
        table.add_row(phase["phase"], *map(str, cells))
    console.print(table)
    again = summary["redecide"]
    lines = [
        f"{summary['decisions']:,} decisions, {summary['errors']['count']} errors; p50 {summary['p50_ms']} ms, "
        f"p99 {summary['p99_ms']} ms from the moment each was due.",
        *([f"The first error: {summary['errors']['first']}"] if summary["errors"]["count"] else []),
        f"{again['counted']:,} were decided on rung 1 or below; {again['already']:,} of them again, when what was "
        f"missing came. `meridian redecide` names {again['named']:,}, and "
        f"knows more of {again['recovered']:,} of them with the sources back. Nothing was recorded. To list them:",
        f"  {again['start']}",
        f"  {again['command']}",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
