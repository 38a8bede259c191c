"""`meridian up --chaos`: what a terminal shows of it, and what a script is given."""

from __future__ import annotations

import signal
from contextlib import ExitStack, nullcontext
from types import FrameType
from typing import Any

import typer

from meridian.cli.screen import out, print_json, progress_bar, talk
from meridian.local.chaos import Plan, Snapshot, conclude, live_view, play, prepared, show_summary


def run_chaos(plan: Plan, *, as_json: bool) -> None:
    """Play it. Exit code 1 where a caller saw an error, or `redecide` names others than were counted."""
    as_json = as_json or not (out.is_terminal and talk.is_terminal)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_ctrl_c)
    summary = _played(plan, as_json=as_json)
    if as_json:
        print_json(summary)
    else:
        show_summary(out, summary)
    again = summary["redecide"]
    if summary["errors"]["count"] or again["named"] + again["already"] != again["counted"]:
        raise typer.Exit(1)


def _played(plan: Plan, *, as_json: bool) -> dict[str, Any]:
    with ExitStack() as stack:
        with progress_bar() as progress:
            stage = stack.enter_context(prepared(plan, lambda step: talk.print(f"· {step}", markup=False), progress))
        with nullcontext(_show_nothing) if as_json else live_view(talk) as show:
            played = play(stage, plan, show)
        with progress_bar() as progress:
            return conclude(stage, played, progress)


def _show_nothing(_now: Snapshot) -> None:
    """Nobody looks."""


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    """`meridian down` asks like this; everything is stopped on the way out, as after Ctrl-C."""
    raise KeyboardInterrupt
