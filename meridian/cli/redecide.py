"""`meridian redecide`: after an outage, decide again what was decided on a lower rung."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import typer

from meridian.cli.replay import moment
from meridian.cli.screen import out, print_json, print_table, progress_bar, talk
from meridian.db.engine import WORKER_ROLE
from meridian.errors import InvalidInput
from meridian.evidence import Rung
from meridian.service import Redecided
from meridian.settings import load_settings
from meridian.wiring import Wiring

SHOWN = 20
FOLLOWS = {
    "confirm": "the decision stands",
    "overturn": "governs from now on, and settles the case",
    "case": "a person decides",
}


def redecide(
    window: str = typer.Option(..., help="From..to: 2026-11-24T09:00+00:00..2026-11-24T09:10+00:00."),
    rung: int = typer.Option(1, min=1, max=4, help="Decisions of this rung and below."),
    record: bool = typer.Option(False, "--record", help="Record it; without it, only show what would come of it."),
    as_json: bool = typer.Option(False, "--json", help="The result as JSON."),
) -> None:
    """Decide again, on what the sources say now, what an outage had decided on a lower rung.

    Without --record no decision is written; what providers told is kept, so that they are not asked again for it. What
    was communicated is never reversed: where the outcome flips, a person decides, but for referrals that nobody has
    taken yet, which are settled.
    """
    since, until = _window(window)
    wiring = Wiring(load_settings(), "redecide", WORKER_ROLE)
    total, each = wiring.redecisions.of(since, until, Rung(rung), record=record)
    done: list[Redecided] = []
    with progress_bar() as progress:
        for one in each:
            done.append(one)
            progress("decisions made again", len(done) / total)
    if as_json:
        print_json({"recorded": record, "decisions": [one.document() for one in done]})
    else:
        _report(done, record=record)


def _window(text: str) -> tuple[datetime, datetime]:
    begin, dots, end = text.partition("..")
    if not dots:
        raise InvalidInput(f"--window {text!r} is no window; write from..to, two moments with two dots between them.")
    since, until = moment(begin), moment(end)
    if since is None or until is None or since >= until:
        raise InvalidInput(f"--window {text!r} ends before it begins; write the earlier moment first.")
    return since, until


def _report(done: list[Redecided], *, record: bool) -> None:
    recovered = [one for one in done if one.recovered]
    out.print(f"{len(done):,} decisions of the window, {len(recovered):,} of them with more known now than then.")
    counts = Counter((one.before, one.after, one.settlement) for one in recovered)
    if counts:
        rows = [
            (before, after, f"{count:,}", FOLLOWS[settlement or "confirm"])
            for (before, after, settlement), count in sorted(counts.items(), key=lambda item: -item[1])
        ]
        print_table(("was", "is", "decisions", "what follows"), rows)
    flips = [one for one in recovered if one.flips]
    for one in flips[:SHOWN]:
        out.print(f"  {one.application_ref}: {one.before} -> {one.after}", markup=False)
    if len(flips) > SHOWN:
        out.print(f"  and {len(flips) - SHOWN:,} more; --json has them all.")
    for one in done:
        if one.because:
            talk.print(f"not decided again: {one.application_ref}: {one.because}", markup=False)
    if not record and recovered:
        talk.print("No decision was written. Run it again with --record to have it in the record.")
