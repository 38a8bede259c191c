"""What is left of a demonstration: its figures, and what `redecide` finds of it afterwards."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from meridian import __version__
from meridian.evidence import Rung
from meridian.local.chaos.lender import Progress, materialise
from meridian.local.chaos.play import Played, Stage
from meridian.local.chaos.schedule import ends
from meridian.local.chaos.tally import Counts
from meridian.local.chaos.view import rung_name


def conclude(stage: Stage, played: Played, progress: Progress) -> dict[str, Any]:
    """All sources well again, and a dry run of `redecide` over the time of the demonstration; the summary, for JSON.

    `redecide.named` are the decisions that it finds in the record, `redecide.already` those that were decided again
    when what was missing came, and `redecide.counted` those of which callers were told that they stand on rung 1 or
    below: two ways to the same number. Nothing more is recorded.
    """
    stage.outside.recover()
    # So that what is named can be decided again on more, also later, when the stubs are gone.
    materialise(stage.up.worker, progress)
    counts = played.tally.all()
    each = zip(played.phases, played.tally.by_phase(ends(played.phases)), strict=True)
    return {
        **asdict(played.plan),
        **_told(counts),
        "phases": [{"phase": phase.name, "seconds": phase.seconds, **_told(part)} for phase, part in each],
        "breakers": [asdict(turn) for turn in played.turns],
        "redecide": _redecide(stage, played, counts.degraded, progress),
        "versions": {"meridian": __version__, **stage.up.models},
    }


def _told(counts: Counts) -> dict[str, Any]:
    errors = {"count": len(counts.errors), "first": counts.errors[0] if counts.errors else None}
    return {
        "decisions": counts.decisions,
        "errors": errors,
        "rungs": {rung_name(rung): count for rung, count in counts.rungs.items()},
        "outcomes": counts.outcomes,
        "p50_ms": counts.p50_ms,
        "p99_ms": counts.p99_ms,
    }


def _redecide(stage: Stage, played: Played, counted: int, progress: Progress) -> dict[str, Any]:
    redecisions, window = stage.up.worker.redecisions, (played.since, played.until)
    already = -1
    while already != (already := redecisions.already(*window)):
        # Both at a moment at which nobody was just decided again.
        named, each = redecisions.of(*window, Rung.STALE, record=False)
    recovered = 0
    for done, one in enumerate(each, start=1):
        recovered += one.recovered
        progress("decisions made again", done / named)
    home = f"MERIDIAN_HOME='{stage.up.settings.home.absolute()}'"
    begin, end = (moment.isoformat() for moment in window)
    return {
        "named": named,
        "already": already,
        "counted": counted,
        "recovered": recovered,
        "start": f"{home} meridian up",
        "command": f"{home} meridian redecide --window {begin}..{end}",
    }
